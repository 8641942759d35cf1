package fabric_livy_magic.local;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.Token;
import org.apache.spark.api.python.PythonUtils;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.AliasIdentifier;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.parser.SqlBaseLexer;
import org.apache.spark.sql.catalyst.parser.UpperCaseCharStream;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.catalyst.util.StringUtils;
import scala.Option;
import scala.Product;
import scala.Tuple2;
import scala.Tuple3;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/** Names of tables with up to four parts, `workspace`.lakehouse.schema.table, become such that Spark's one catalog knows.
  *
  * An extension of Spark that stands behind its parser, which is where all names pass: those of SQL as parts of the parsed
  * statement, those of the DataFrame API and of Delta's as texts.
  */
public final class LakehouseNames extends AbstractFunction1 {

  public Object apply(Object extensions) {
    ((SparkSessionExtensions) extensions).injectParser(new AbstractFunction2() {
      public Object apply(Object session, Object parser) {
        return namesOf((SparkSession) session, (ParserInterface) parser);
      }
    });
    return BoxedUnit.UNIT;
  }

  private static Object namesOf(SparkSession session, ParserInterface parser) {
    try {
      // Not those of the SparkContext, which may have several catalogs.
      Lakehouses lakehouses = Lakehouses.of(session.sharedState().hadoopConf());
      if (lakehouses == null) {
        return parser;
      }
      // A proxy, because each version of Spark has some more methods there.
      Class[] kind = new Class[] {ParserInterface.class};
      return Proxy.newProxyInstance(
          LakehouseNames.class.getClassLoader(), kind,
          new Names(parser, new Databases(session, lakehouses), new MaterializedLakeViews(session, parser)));
    } catch (IOException problem) {
      throw new IllegalStateException(problem);
    }
  }

  private static final class Names implements InvocationHandler {
    private static final Set TABLES = new HashSet(Arrays.asList(
        new Object[] {"UnresolvedRelation", "UnresolvedTable", "UnresolvedView", "UnresolvedTableOrView", "UnresolvedIdentifier"}));
    /** What wants the relation itself below it, or gives it another name. */
    private static final Set BARE = new HashSet(Arrays.asList(
        new Object[] {"InsertIntoStatement", "RelationTimeTravel", "CacheTable", "UncacheTable", "SubqueryAlias"}));

    private static final Pattern MOUNTED = Pattern.compile("(?s)(?:file:(?://)?)?" + LakehouseFiles.MOUNT + "/+(.*)");
    private static final Pattern RELATIVE = Pattern.compile("(?s)(?:Files|Tables)/.+");
    private static final Pattern VORDER = Pattern.compile("(?is)^(\\s*OPTIMIZE\\b.*?)\\s+VORDER\\s*$");

    private final ParserInterface parser;
    private final Databases databases;
    private final MaterializedLakeViews lakeViews;

    Names(ParserInterface parser, Databases databases, MaterializedLakeViews lakeViews) {
      this.parser = parser;
      this.databases = databases;
      this.lakeViews = lakeViews;
    }

    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
      String name = method.getName();
      try {
        // Since Spark 4.1 there is parsePlanWithParameters, too.
        if (LogicalPlan.class.isAssignableFrom(method.getReturnType()) && arguments[0] instanceof String) {
          Object[] meant = (Object[]) arguments.clone();
          meant[0] = lakeViews.meant((String) arguments[0]);
          return rewritten(parsed(method, meant), "");
        }
        if (name.equals("parseMultipartIdentifier")) {
          return seq(named(words(parser.parseMultipartIdentifier((String) arguments[0]))));
        }
        if (name.equals("parseTableIdentifier")) {
          List words = words(parser.parseMultipartIdentifier((String) arguments[0]));
          List found = table(words);
          if (found != words) {
            return new TableIdentifier((String) found.get(1), Option.apply(found.get(0)));
          }
        }
        return method.invoke(parser, arguments);
      } catch (InvocationTargetException failed) {
        throw failed.getCause();
      }
    }

    /** Delta's own statements take names of up to three parts, and nothing of the order of files that Fabric has. */
    private Object parsed(Method method, Object[] arguments) throws Exception {
      try {
        return method.invoke(parser, arguments);
      } catch (InvocationTargetException failed) {
        // Of any kind: where Delta refuses a longer name, Spark does not find the text of that refusal.
        try {
          Object[] simpler = (Object[]) arguments.clone();
          simpler[0] = simpler((String) arguments[0]);
          if (!simpler[0].equals(arguments[0])) {
            return method.invoke(parser, simpler);
          }
        } catch (Exception again) {
          throw failed;
        }
        throw failed;
      }
    }

    private String simpler(String text) throws Exception {
      String simpler = VORDER.matcher(text).replaceFirst("$1");
      for (String next = withShorterName(simpler); next != null; next = withShorterName(simpler)) {
        simpler = next;
      }
      return simpler;
    }

    /** The statement with its first name of four parts as one of two. Null where it has none, or an unknown one. */
    private String withShorterName(String text) throws Exception {
      SqlBaseLexer lexer = new SqlBaseLexer(new UpperCaseCharStream(CharStreams.fromString(text)));
      lexer.removeErrorListeners();
      List tokens = lexer.getAllTokens();
      for (int i = 0; i + 6 < tokens.size(); i++) {
        int first = text.offsetByCodePoints(0, ((Token) tokens.get(i)).getStartIndex());
        int last = text.offsetByCodePoints(0, ((Token) tokens.get(i + 6)).getStopIndex() + 1);
        boolean isName = true;
        for (int k = 1; k < 7; k += 2) {
          isName = isName && ".".equals(((Token) tokens.get(i + k)).getText());
        }
        if (isName) {
          List found = table(words(parser.parseMultipartIdentifier(text.substring(first, last))));
          String name = "`" + found.get(0) + "`.`" + ((String) found.get(1)).replace("`", "``") + "`";
          return found.size() == 2 ? text.substring(0, first) + name + text.substring(last) : null;
        }
      }
      return null;
    }

    // ---- names

    /** The same list where nothing is to change. An unknown place becomes a database that there is not, so that Spark says so. */
    private List table(List words) throws Exception {
      int size = words.size();
      String name = (String) words.get(size - 1);
      if (size == 1) {
        String current = databases.current();
        String found = databases.databaseOf(current, name);
        return found.equals(current) ? words : Arrays.asList(new Object[] {found, name});
      }
      if (size == 2 && ((String) words.get(0)).equalsIgnoreCase("delta") && RELATIVE.matcher(name).matches()) {
        // Delta takes whole paths only; Spark itself has relative ones of other formats begin in the session's folder.
        return Arrays.asList(new Object[] {words.get(0), databases.ownFile(name)});
      }
      if (databases.isCatalog((String) words.get(0))) {
        if (size == 3 && ((String) words.get(0)).equalsIgnoreCase("spark_catalog")) {
          databases.findTable(((String) words.get(1)).toLowerCase(), name);
        }
        return words;
      }
      List place = words.subList(0, size - 1);
      String database = database(place, size > 2);
      if (database == null) {
        return words;
      }
      database = databases.databaseOf(database, name);
      return size == 2 && database.equalsIgnoreCase((String) place.get(0)) ? words : Arrays.asList(new Object[] {database, name});
    }

    private String database(List place, boolean always) throws IOException {
      Databases.Schema schema = databases.schema(place);
      if (schema != null) {
        return schema.database();
      }
      return always ? String.join(".", place) : null;
    }

    private List namespace(List words) throws Exception {
      databases.findSchemas();
      if (words.isEmpty()) {
        databases.findTables(databases.current());
        return words;
      }
      if (databases.isCatalog((String) words.get(0))) {
        return words;
      }
      String database = database(words, words.size() > 1);
      if (database == null) {
        return words;
      }
      databases.findTables(database);
      return Arrays.asList(new Object[] {database});
    }

    /** A name of which only Spark knows what it is of: `spark.catalog` asks for tables and schemas alike. */
    private List named(List words) throws Exception {
      if (words.size() == 1) {
        databases.findSchemas();
        databases.findTables(((String) words.get(0)).toLowerCase());
      }
      if (words.size() == 2 && !databases.isCatalog((String) words.get(0))) {
        Databases.Schema schema = databases.schema(words);
        if (schema != null && databases.isThere(schema.database())) {
          databases.findTables(schema.database());
          return Arrays.asList(new Object[] {schema.database()});
        }
      }
      return table(words);
    }

    private static List words(Object seq) {
      return new ArrayList(scala.collection.JavaConverters.seqAsJavaList((scala.collection.Seq) seq));
    }

    private static Object seq(List items) {
      return PythonUtils.toSeq(items).toList();
    }

    // ---- statements

    private Object rewritten(Object value, String parent) throws Exception {
      if (value instanceof TableIdentifier) {
        return rewritten((TableIdentifier) value);
      } else if (value instanceof TreeNode) {
        return rewritten((TreeNode) value, parent);
      } else if (value instanceof scala.collection.Seq) {
        List items = words(value);
        boolean changed = false;
        for (int i = 0; i < items.size(); i++) {
          Object item = rewritten(items.get(i), parent);
          changed = changed || item != items.get(i);
          items.set(i, item);
        }
        return changed ? seq(items) : value;
      } else if (value instanceof Option && ((Option) value).isDefined()) {
        Object inner = ((Option) value).get();
        Object item = rewritten(inner, parent);
        return item == inner ? value : Option.apply(item);
      } else if (value instanceof Tuple2) {
        Tuple2 pair = (Tuple2) value;
        Object second = rewritten(pair._2(), parent);
        return second == pair._2() ? value : new Tuple2(pair._1(), second);
      } else if (value instanceof Tuple3) { // since Spark 4.1 a WITH has its depth there
        Tuple3 three = (Tuple3) value;
        Object second = rewritten(three._2(), parent);
        return second == three._2() ? value : new Tuple3(three._1(), second, three._3());
      }
      return value;
    }

    private Object rewritten(TableIdentifier name) throws Exception {
      List words = new ArrayList();
      if (name.database().isDefined()) {
        if (name.catalog().isDefined()) {
          words.add(name.catalog().get());
        }
        words.add(name.database().get());
      }
      words.add(name.table());
      List found = table(words);
      return found == words ? name : new TableIdentifier((String) found.get(1), Option.apply(found.get(0)));
    }

    private Object rewritten(TreeNode node, String parent) throws Exception {
      String kind = node.getClass().getSimpleName();
      if (kind.equals("CreateNamespace") || kind.equals("DropNamespace")) {
        return rewrittenSchema(node, kind);
      }
      if (kind.equals("ShowNamespaces")) {
        return shownSchemas(node);
      }
      return rewritten(node, parts(node), parent);
    }

    private Object rewritten(TreeNode node, Object[] values, String parent) throws Exception {
      String kind = node.getClass().getSimpleName();
      boolean changed = false;
      for (int i = 0; i < values.length; i++) {
        Object value = values[i];
        values[i] = changedPart(kind, i, value);
        changed = changed || values[i] != value;
      }
      if (!changed) {
        return node;
      }
      Object made = node.makeCopy(values);
      if (!kind.equals("UnresolvedRelation") || BARE.contains(parent)) {
        return made;
      }
      List words = words(parts(node)[0]);
      // So that `lakehouse.schema.table.column` finds its column.
      int last = words.size() - 1;
      Object qualifier = seq(words.subList(Math.max(0, last - 2), last));
      return new SubqueryAlias(
          new AliasIdentifier((String) words.get(last), (scala.collection.immutable.List) qualifier), (LogicalPlan) made);
    }

    private static Object[] parts(Object node) {
      Object[] values = new Object[((Product) node).productArity()];
      for (int i = 0; i < values.length; i++) {
        values[i] = ((Product) node).productElement(i);
      }
      return values;
    }

    private Object changedPart(String kind, int position, Object value) throws Exception {
      boolean isName = position == 0 && (TABLES.contains(kind) || kind.equals("UnresolvedNamespace"));
      isName = isName || position == 1 && kind.equals("RenameTable");
      if (!isName) {
        return position == 3 && kind.equals("UnresolvedTableSpec") ? location((Option) value) : rewritten(value, kind);
      }
      List words = words(value);
      List found = kind.equals("UnresolvedNamespace") ? namespace(words) : table(words);
      return found == words ? value : seq(found);
    }

    /** Relative ones start at the lakehouse, as in Fabric; Spark's start at the schema's folder. The mount is the lakehouse. */
    private Option location(Option given) {
      String path = given.isDefined() ? (String) given.get() : "/";
      Matcher mounted = MOUNTED.matcher(path);
      if (mounted.matches()) {
        return Option.apply(databases.ownFile(mounted.group(1)));
      }
      return path.startsWith("/") || path.matches("(?s)\\w+:.*") ? given : Option.apply(databases.ownFile(path));
    }

    private static String quoted(List words) {
      return String.join(".", words).replace("`", "``");
    }

    /** SHOW SCHEMAS of one lakehouse, by the names that it has for them: Spark shows those of all lakehouses, with prefixes. */
    private Object shownSchemas(TreeNode node) throws Exception {
      Object[] values = parts(node);
      List words = words(parts(values[0])[0]);
      if (!words.isEmpty() && databases.isCatalog((String) words.get(0))) {
        return node;
      }
      List names = databases.schemaNames(words);
      if (names == null) {
        return rewritten(node, values, "");
      }
      if (((Option) values[1]).isDefined()) {
        names = words(StringUtils.filterPattern((scala.collection.immutable.List) seq(names), (String) ((Option) values[1]).get()));
      }
      StringBuilder rows = new StringBuilder();
      for (Object one : names) {
        rows.append(rows.length() == 0 ? "'" : ", '").append(((String) one).replace("\\", "\\\\").replace("'", "\\'")).append("'");
      }
      String none = names.isEmpty() ? "'' AS schemas(namespace) WHERE false" : " AS schemas(namespace)";
      return parser.parsePlan("SELECT * FROM VALUES " + rows + none);
    }

    /** CREATE SCHEMA in the folder that the lakehouse has for it; and DROP SCHEMA, where a lakehouse's name is no schema's. */
    private Object rewrittenSchema(TreeNode node, String kind) throws Exception {
      Object[] values = parts(node);
      TreeNode name = (TreeNode) values[0];
      Object[] nameParts = parts(name);
      List words = words(nameParts[0]);
      if (words.isEmpty() || databases.isCatalog((String) words.get(0))) {
        return node;
      }
      Databases.Schema schema = databases.newSchema(words);
      if (schema == null && words.size() == 1) {
        return node;
      }
      if (schema == null && kind.equals("CreateNamespace")) {
        return parser.parsePlan("DESCRIBE SCHEMA `" + quoted(words.subList(0, words.size() - 1)) + "`"); // which there is not
      }
      if (schema == null) {
        nameParts[0] = seq(Arrays.asList(new Object[] {String.join(".", words)}));
        values[0] = name.makeCopy(nameParts);
        return node.makeCopy(values);
      }
      databases.open(schema);
      nameParts[0] = seq(Arrays.asList(new Object[] {schema.database()}));
      values[0] = name.makeCopy(nameParts);
      if (kind.equals("CreateNamespace") && !((scala.collection.immutable.Map) values[2]).contains("location")) {
        values[2] = ((scala.collection.immutable.Map) values[2]).updated("location", Databases.location(schema.folder()));
      }
      return node.makeCopy(values);
    }
  }
}
