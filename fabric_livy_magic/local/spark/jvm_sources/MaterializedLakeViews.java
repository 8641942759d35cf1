package fabric_livy_magic.local;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.Token;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.parser.SqlBaseLexer;
import org.apache.spark.sql.catalyst.parser.UpperCaseCharStream;

/** Fabric's statements for materialized lake views, which are Delta tables here: the definition is a property of the table,
  * and REFRESH runs its query again. learn.microsoft.com: "Spark SQL reference for materialized lake views".
  *
  * CREATE and REFRESH run while the statement is read: `spark.sql` runs such statements at once anyway, and the names in a
  * definition are looked up in the schema that was the current one when it was created.
  */
final class MaterializedLakeViews {
  private static final Pattern ANY = Pattern.compile("(?is).*\\bMATERIALIZED\\s+LAKE\\s+VIEWS?\\b.*");
  private static final String PROPERTY = "fabric_livy.materialized_lake_view.";
  private static final String DEFINITION = PROPERTY + "definition";
  private static final String SCHEMA = PROPERTY + "schema";
  private static final String NOTE = "It is a Delta table here, as of now: REFRESH MATERIALIZED LAKE VIEW refreshes it, no schedule does.";
  private static final String DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog";

  private final SparkSession session;
  private final ParserInterface parser;

  MaterializedLakeViews(SparkSession session, ParserInterface parser) {
    this.session = session;
    this.parser = parser;
  }

  /** The statement that Spark is to run instead: the same text where it is about no materialized lake view. */
  String meant(String text) throws Exception {
    if (!ANY.matcher(text).matches()) {
      return text;
    }
    try {
      return translated(text);
    } catch (SaidBySpark error) {
      return error.statement;
    }
  }

  private String translated(String text) throws Exception {
    Words words = new Words(text);
    if (words.take("CREATE")) {
      boolean replaces = words.take("OR", "REPLACE");
      return words.take("MATERIALIZED", "LAKE", "VIEW") ? created(words, replaces) : text;
    } else if (words.take("REFRESH", "MATERIALIZED", "LAKE", "VIEW")) {
      return refreshed(words);
    } else if (words.take("SHOW", "MATERIALIZED", "LAKE", "VIEWS")) {
      return shown(words);
    } else if (words.take("SHOW", "CREATE", "MATERIALIZED", "LAKE", "VIEW")) {
      String name = words.onlyName(parser);
      String statement = "CREATE MATERIALIZED LAKE VIEW " + name + " " + definitionOf(name);
      return "SELECT " + literal(statement) + " AS createtab_stmt";
    } else if (words.take("DROP", "MATERIALIZED", "LAKE", "VIEW")) {
      boolean ifExists = words.take("IF", "EXISTS");
      String name = words.onlyName(parser);
      if (!ifExists || isThere(name)) {
        definitionOf(name);
      }
      return "DROP TABLE " + (ifExists ? "IF EXISTS " : "") + name;
    } else if (words.take("ALTER", "MATERIALIZED", "LAKE", "VIEW")) {
      String name = words.name(parser);
      words.need("RENAME", "TO");
      String renamed = words.onlyName(parser);
      definitionOf(name);
      return "ALTER TABLE " + name + " RENAME TO " + renamed;
    }
    return text;
  }

  // ---- statements

  private String created(Words words, boolean replaces) throws Exception {
    boolean ifNotExists = words.take("IF", "NOT", "EXISTS");
    if (replaces && ifNotExists) {
      throw words.wrong("OR REPLACE and IF NOT EXISTS exclude each other");
    }
    String name = words.name(parser);
    String start = "CREATE " + (replaces ? "OR REPLACE " : "") + "TABLE " + (ifNotExists ? "IF NOT EXISTS " : "") + name;
    run(start, words.rest(), session.sessionState().catalog().getCurrentDatabase());
    return noted(name);
  }

  private String refreshed(Words words) throws Exception {
    String name = words.name(parser);
    words.take("FULL"); // each refresh is one
    words.needEnd();
    Map properties = propertiesOf(name);
    run("CREATE OR REPLACE TABLE " + name, definition(name, properties), (String) properties.get(SCHEMA));
    return noted(name);
  }

  private String shown(Words words) throws Exception {
    boolean isNamed = words.take("IN") || words.take("FROM");
    String schema = isNamed ? words.onlyName(parser) : "";
    words.needEnd();
    StringBuilder rows = new StringBuilder();
    Row[] tables = rows("SHOW TABLES" + (isNamed ? " IN " + schema : ""));
    for (int i = 0; i < tables.length; i++) {
      if (!tables[i].getBoolean(2)) {
        String name = quoted(tables[i].getString(0)) + "." + quoted(tables[i].getString(1));
        String definition = (String) propertiesOf(name).get(DEFINITION);
        if (definition != null) {
          rows.append(rows.length() == 0 ? "" : ", ").append("(").append(literal(tables[i].getString(1))).append(", ");
          rows.append(literal(tables[i].getString(0))).append(", ").append(literal(definition)).append(")");
        }
      }
    }
    return rows.length() == 0
        ? "SELECT '' AS name, '' AS namespace, '' AS definition WHERE false"
        : "SELECT * FROM VALUES " + rows + " AS materialized_lake_views(name, namespace, definition)";
  }

  private static String noted(String name) {
    return "SELECT " + literal(name.replace("`", "")) + " AS materialized_lake_view, " + literal(NOTE) + " AS note";
  }

  private void run(String start, String definition, String schema) throws Exception {
    if (!session.conf().get("spark.sql.catalog.spark_catalog", "").equals(DELTA_CATALOG)) {
      throw new UnsupportedOperationException(
          "A materialized lake view is a Delta table, and this session has no Delta Lake. Its start said why.");
    }
    Definition read = new Definition(definition);
    String statement = start + " USING delta " + read.clauses + " TBLPROPERTIES (" + literal(DEFINITION) + " = "
        + literal(definition) + ", " + literal(SCHEMA) + " = " + literal(schema) + read.properties + ") AS\n" + read.select();
    String current = session.sessionState().catalog().getCurrentDatabase();
    try {
      if (schema != null && session.sessionState().catalog().databaseExists(schema)) {
        session.sessionState().catalog().setCurrentDatabase(schema);
      }
      session.sql(statement);
    } catch (Exception failed) {
      throw unchecked(failed, current.equals(schema) ? statement : null);
    } finally {
      session.sessionState().catalog().setCurrentDatabase(current);
    }
  }

  /** The caller of a parser gets no other checked exceptions than those that Spark's parser declares. */
  private static RuntimeException unchecked(Exception failed, String statement) {
    if (failed instanceof RuntimeException) {
      return (RuntimeException) failed;
    }
    if (failed instanceof AnalysisException && statement != null) {
      return new SaidBySpark(statement);
    }
    Throwable first = failed;
    while (first.getCause() != null) {
      first = first.getCause();
    }
    return first instanceof RuntimeException ? (RuntimeException) first : new IllegalStateException(failed.getMessage(), failed);
  }

  /** A statement that Spark refuses before it runs: run again by the caller, it fails with Spark's own type of error. */
  private static final class SaidBySpark extends RuntimeException {
    final String statement;

    SaidBySpark(String statement) {
      this.statement = statement;
    }
  }

  private boolean isThere(String name) {
    try {
      propertiesOf(name);
      return true;
    } catch (SaidBySpark none) {
      return false;
    }
  }

  private Row[] rows(String statement) {
    try {
      return (Row[]) session.sql(statement).collect();
    } catch (Exception failed) {
      throw unchecked(failed, statement);
    }
  }

  private String definitionOf(String name) throws Exception {
    return definition(name, propertiesOf(name));
  }

  private static String definition(String name, Map properties) {
    String found = (String) properties.get(DEFINITION);
    if (found == null) {
      throw new IllegalArgumentException(name + " is a table or a view, and no materialized lake view.");
    }
    return found;
  }

  /** From Delta's log. */
  private Map propertiesOf(String name) {
    Map found = new HashMap();
    Row[] rows = rows("SHOW TBLPROPERTIES " + name);
    for (int i = 0; i < rows.length; i++) {
      found.put(rows[i].getString(0), rows[i].getString(1));
    }
    return found;
  }

  // ---- texts

  private static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  private static String literal(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }

  /** What follows the name: constraints, clauses and the query. */
  private static final class Definition {
    /** For CREATE TABLE. */
    String clauses = "";
    String properties = "";
    private final List dropped = new ArrayList();
    /** Pairs of name and condition. */
    private final List failing = new ArrayList();
    private final String query;

    Definition(String text) {
      Words words = new Words(text);
      if (words.take("(")) {
        do {
          constraint(words);
        } while (words.take(","));
        words.need(")");
      }
      while (!words.take("AS") && !words.is("SELECT") && !words.is("WITH")) {
        clause(words);
      }
      query = words.rest();
      if (query.isEmpty()) {
        throw words.wrong("AS and a query are missing");
      }
    }

    private void constraint(Words words) {
      words.need("CONSTRAINT");
      String name = words.next();
      words.need("CHECK");
      String condition = words.inParentheses();
      boolean drops = words.take("ON", "MISMATCH", "DROP");
      if (!drops) {
        words.take("ON", "MISMATCH", "FAIL");
        failing.add(name);
        failing.add(condition);
      } else {
        dropped.add(condition);
      }
    }

    private void clause(Words words) {
      if (words.take("PARTITIONED", "BY")) {
        clauses += "PARTITIONED BY (" + words.inParentheses() + ") ";
      } else if (words.take("COMMENT")) {
        clauses += "COMMENT " + words.next() + " ";
      } else if (words.take("TBLPROPERTIES")) {
        properties += ", " + words.inParentheses();
      } else if (words.is("USING")) {
        throw new UnsupportedOperationException("A materialized lake view USING OneLake_Files needs Fabric itself. From files it"
            + " can be made here by a query, such as AS SELECT * FROM parquet.`Files/orders`.");
      } else {
        throw words.wrong("PARTITIONED BY, COMMENT, TBLPROPERTIES or AS is needed");
      }
    }

    /** One CASE, so that no row is dropped before a constraint that fails has seen it. */
    String select() {
      if (dropped.isEmpty() && failing.isEmpty()) {
        return query;
      }
      StringBuilder kept = new StringBuilder("true");
      for (int i = 0; i < dropped.size(); i++) {
        kept.append(" AND coalesce((").append(dropped.get(i)).append("\n), false)");
      }
      StringBuilder cases = new StringBuilder("CASE");
      for (int i = 0; i < failing.size(); i += 2) {
        String message = "A row violates the constraint " + failing.get(i) + " of the materialized lake view: " + failing.get(i + 1);
        cases.append(" WHEN NOT coalesce((").append(failing.get(i + 1)).append("\n), false) THEN CAST(raise_error(");
        cases.append(literal(message)).append(") AS BOOLEAN)");
      }
      String condition = failing.isEmpty() ? kept.toString() : cases + " ELSE " + kept + " END";
      return "SELECT * FROM (\n" + query + "\n) WHERE " + condition;
    }
  }

  /** A statement as Spark's own words, without its comments. */
  private static final class Words {
    private final String text;
    private final List tokens = new ArrayList();
    private int position = 0;

    Words(String text) {
      this.text = text;
      SqlBaseLexer lexer = new SqlBaseLexer(new UpperCaseCharStream(CharStreams.fromString(text)));
      lexer.removeErrorListeners();
      for (Object token : lexer.getAllTokens()) {
        if (((Token) token).getChannel() == Token.DEFAULT_CHANNEL) {
          tokens.add(token);
        }
      }
      while (!tokens.isEmpty() && ((Token) tokens.get(tokens.size() - 1)).getText().equals(";")) {
        tokens.remove(tokens.size() - 1);
      }
    }

    private String word(int index) {
      return index < tokens.size() ? ((Token) tokens.get(index)).getText() : "";
    }

    boolean is(String word) {
      return word(position).equalsIgnoreCase(word);
    }

    boolean take(String... wanted) {
      for (int i = 0; i < wanted.length; i++) {
        if (!word(position + i).equalsIgnoreCase(wanted[i])) {
          return false;
        }
      }
      position += wanted.length;
      return true;
    }

    void need(String... wanted) {
      if (!take(wanted)) {
        throw wrong(String.join(" ", wanted) + " is needed");
      }
    }

    void needEnd() {
      if (position < tokens.size()) {
        throw wrong("nothing more belongs here");
      }
    }

    String next() {
      String found = word(position);
      if (found.isEmpty()) {
        throw wrong("a word is missing");
      }
      position++;
      return found;
    }

    /** With each part in backticks, the last one in lower case, as Fabric has it. */
    String name(ParserInterface parser) throws Exception {
      int first = position;
      next();
      while (take(".")) {
        next();
      }
      Object read = parser.parseMultipartIdentifier(between(first, position - 1));
      List parts = scala.collection.JavaConverters.seqAsJavaList((scala.collection.Seq) read);
      StringBuilder made = new StringBuilder();
      for (int i = 0; i < parts.size(); i++) {
        String part = (String) parts.get(i);
        made.append(i == 0 ? "" : ".").append(quoted(i == parts.size() - 1 ? part.toLowerCase() : part));
      }
      return made.toString();
    }

    String onlyName(ParserInterface parser) throws Exception {
      String name = name(parser);
      needEnd();
      return name;
    }

    /** What stands between this parenthesis and the one that closes it. */
    String inParentheses() {
      need("(");
      int first = position;
      for (int open = 1; open > 0; position++) {
        if (position >= tokens.size()) {
          throw wrong("a parenthesis is not closed");
        }
        open += is("(") ? 1 : is(")") ? -1 : 0;
      }
      return first == position - 1 ? "" : between(first, position - 2);
    }

    String rest() {
      return position < tokens.size() ? between(position, tokens.size() - 1) : "";
    }

    private String between(int first, int last) {
      int start = text.offsetByCodePoints(0, ((Token) tokens.get(first)).getStartIndex());
      int end = text.offsetByCodePoints(0, ((Token) tokens.get(last)).getStopIndex() + 1);
      return text.substring(start, end);
    }

    IllegalArgumentException wrong(String what) {
      String near = rest();
      return new IllegalArgumentException("This is no statement for a materialized lake view: " + what + " before '"
          + near.substring(0, Math.min(40, near.length())) + "'.");
    }
  }
}
