package fabric_livy_magic.local;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

import org.apache.hadoop.fs.InvalidPathException;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.catalog.CatalogDatabase;
import org.apache.spark.sql.catalyst.catalog.CatalogStorageFormat;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.CatalogTableType;
import org.apache.spark.sql.catalyst.catalog.ExternalCatalog;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.Product;

/** The schemas of all lakehouses as databases of Spark's one catalog, and the Delta tables in their folders as tables. */
final class Databases {
  /** What the schema is called of a lakehouse that has none. */
  private static final String ONLY = "default";

  private final SparkSession session;
  private final Lakehouses lakehouses;

  Databases(SparkSession session, Lakehouses lakehouses) {
    this.session = session;
    this.lakehouses = lakehouses;
  }

  private ExternalCatalog catalog() {
    return session.sharedState().externalCatalog();
  }

  String current() {
    return session.sessionState().catalog().getCurrentDatabase();
  }

  /** Without the slash that Java puts behind folders. */
  static URI uri(File folder) {
    return new Path("file", null, folder.getPath()).toUri();
  }

  /** As SQL names it: a blank is a blank there, and no `%20`. */
  static String location(File folder) {
    return new Path("file", null, folder.getPath()).toString();
  }

  /** Raises InvalidPathException. */
  String ownFile(String relative) {
    String path = new Path(relative).toUri().getPath();
    if (path.equals("..") || path.startsWith("../")) {
      throw new InvalidPathException(relative, "It leads out of the lakehouse");
    }
    return new Path("file", null, lakehouses.own.file(path)).toString();
  }

  boolean isThere(String database) {
    return catalog().databaseExists(database);
  }

  boolean isCatalog(String name) {
    return name.equalsIgnoreCase("spark_catalog") || session.conf().getOption("spark.sql.catalog." + name).isDefined();
  }

  /** A schema, as a lakehouse has it. */
  static final class Schema {
    final Lakehouses.Lakehouse lakehouse;
    final String name;

    Schema(Lakehouses.Lakehouse lakehouse, String name) {
      this.lakehouse = lakehouse;
      this.name = name.toLowerCase();
    }

    String database() {
      return lakehouse.prefix + name;
    }

    boolean isOnly() {
      return lakehouse.defaultSchema == null && name.equals(ONLY);
    }

    File folder() {
      File there = find(lakehouse.tables(), name);
      return isOnly() ? lakehouse.tables() : there != null ? there : new File(lakehouse.tables(), name);
    }
  }

  private static Schema defaultOf(Lakehouses.Lakehouse lakehouse) {
    return new Schema(lakehouse, lakehouse.defaultSchema == null ? ONLY : lakehouse.defaultSchema);
  }

  /** What one to three words before the name of a table mean. Null where there is no such place. */
  Schema schema(List words) throws IOException {
    Lakehouses.Lakehouse own = lakehouses.own;
    String first = (String) words.get(0);
    Schema meant;
    if (words.size() == 1) {
      Schema ofOwn = new Schema(own, first);
      Lakehouses.Lakehouse named = lakehouse(own.workspaceId, first);
      meant = open(ofOwn) ? ofOwn : named == null ? null : defaultOf(named);
    } else if (words.size() == 2) {
      Lakehouses.Lakehouse named = lakehouse(own.workspaceId, first);
      Schema ofNamed = named == null ? null : new Schema(named, (String) words.get(1));
      Lakehouses.Lakehouse elsewhere = lakehouse(workspace(first), (String) words.get(1));
      meant = elsewhere == null || (ofNamed != null && open(ofNamed)) ? ofNamed : defaultOf(elsewhere);
    } else {
      Lakehouses.Lakehouse named = lakehouse(workspace(first), (String) words.get(1));
      meant = named == null || words.size() > 3 ? null : new Schema(named, (String) words.get(2));
    }
    if (meant != null) {
      open(meant);
    }
    return meant;
  }

  /** What CREATE SCHEMA means by its name: never another lakehouse. Null where that is left to Spark. */
  Schema newSchema(List words) throws IOException {
    if (words.size() > 1) {
      return schema(words);
    }
    return lakehouses.own.defaultSchema == null ? null : new Schema(lakehouses.own, (String) words.get(0));
  }

  private String workspace(String name) {
    try {
      return lakehouses.workspace(name);
    } catch (IOException none) {
      return "";
    }
  }

  private Lakehouses.Lakehouse lakehouse(String workspaceId, String name) {
    try {
      return lakehouses.lakehouse(workspaceId, name);
    } catch (IOException none) {
      return null;
    }
  }

  /** Whether it is there; from then on it is in Spark's catalog. */
  boolean open(Schema schema) {
    if (catalog().databaseExists(schema.database())) {
      return true;
    }
    boolean isDefault = schema.database().equals(defaultOf(schema.lakehouse).database());
    boolean hasSchemas = schema.lakehouse.defaultSchema != null;
    boolean isOldTable = schema.lakehouse.prefix.isEmpty() && catalog().tableExists(ONLY, schema.name); // in Tables/ itself
    boolean isMissing = hasSchemas && schema.lakehouse.missing("Tables/" + schema.name) != null;
    if (!isDefault && !isMissing && !(hasSchemas && isSchema(schema.folder()) && !isOldTable)) {
      return false;
    }
    CatalogDatabase made =
        new CatalogDatabase(schema.database(), "", uri(schema.folder()), scala.collection.immutable.Map$.MODULE$.empty());
    catalog().createDatabase(made, true);
    return true;
  }

  private static boolean isSchema(File folder) {
    return folder.isDirectory() && !folder.getName().startsWith("_") && !folder.getName().startsWith(".") && !isTable(folder);
  }

  /** With a commit: a CREATE TABLE AS whose query fails leaves an empty log behind. */
  private static boolean isTable(File folder) {
    String[] log = new File(folder, "_delta_log").list();
    for (int i = 0; log != null && i < log.length; i++) {
      if (Character.isDigit(log[i].charAt(0))) {
        return true;
      }
    }
    return false;
  }

  /** In any letter case. */
  private static File find(File folder, String name) {
    File exact = new File(folder, name);
    String[] names = exact.exists() ? null : folder.list();
    if (exact.exists() || names == null) {
      return exact.exists() ? exact : null;
    }
    for (int i = 0; i < names.length; i++) {
      if (names[i].equalsIgnoreCase(name)) {
        return new File(folder, names[i]);
      }
    }
    return null;
  }

  /** All schemas of the application's own lakehouse that have a folder. */
  void findSchemas() {
    findSchemas(lakehouses.own);
  }

  private void findSchemas(Lakehouses.Lakehouse lakehouse) {
    open(defaultOf(lakehouse));
    String[] names = lakehouse.defaultSchema == null ? null : lakehouse.tables().list();
    for (int i = 0; names != null && i < names.length; i++) {
      open(new Schema(lakehouse, names[i]));
    }
  }

  /** The names of a lakehouse's schemas, as it has them. Null where the words name none; without words they name the own one. */
  List schemaNames(List words) throws IOException {
    Lakehouses.Lakehouse lakehouse = words.isEmpty() ? lakehouses.own : lakehouseOf(words);
    if (lakehouse == null) {
      return null;
    }
    findSchemas(lakehouse);
    List found = new ArrayList();
    for (Object one : scala.collection.JavaConverters.seqAsJavaList(catalog().listDatabases())) {
      String database = (String) one;
      boolean isHidden = lakehouse.defaultSchema != null && database.equals(lakehouse.prefix + ONLY);
      if (database.startsWith(lakehouse.prefix) && !isHidden && prefixOf(database).equals(lakehouse.prefix)) {
        found.add(database.substring(lakehouse.prefix.length()));
      }
    }
    return found;
  }

  private String prefixOf(String database) {
    String longest = "";
    for (Object one : lakehouses.all()) {
      String prefix = ((Lakehouses.Lakehouse) one).prefix;
      longest = database.startsWith(prefix) && prefix.length() > longest.length() ? prefix : longest;
    }
    return longest;
  }

  /** The lakehouse that one or two words name. A schema of that name has no schemas, so it is never meant. */
  private Lakehouses.Lakehouse lakehouseOf(List words) {
    String first = (String) words.get(0);
    if (words.size() == 1) {
      return lakehouse(lakehouses.own.workspaceId, first);
    }
    return words.size() == 2 ? lakehouse(workspace(first), (String) words.get(1)) : null;
  }

  void findTables(String database) throws Exception {
    if (!catalog().databaseExists(database)) {
      return;
    }
    for (Object known : scala.collection.JavaConverters.seqAsJavaList(catalog().listTables(database))) {
      findTable(database, (String) known);
    }
    File location = new File(catalog().getDatabase(database).locationUri().getPath());
    findTablesIn(location, database);
    for (Object one : lakehouses.all()) {
      Lakehouses.Lakehouse each = (Lakehouses.Lakehouse) one;
      for (Object path : each.missingShortcuts.keySet()) {
        File shortcut = new File(each.folder, (String) path);
        if (shortcut.getParentFile().equals(location)) {
          findTable(database, shortcut.getName());
        }
      }
    }
    Lakehouses.Lakehouse lakehouse = withDefault(database);
    if (lakehouse != null) {
      findTablesIn(lakehouse.tables(), database);
    }
  }

  private void findTablesIn(File folder, String database) throws Exception {
    String[] names = folder.list();
    for (int i = 0; names != null && i < names.length; i++) {
      findTable(database, names[i]);
    }
  }

  /** Puts a table that was written by path into the catalog, and takes one out whose folder was removed by path. */
  void findTable(String database, String name) throws Exception {
    String table = session.sessionState().conf().caseSensitiveAnalysis() ? name : name.toLowerCase();
    if (!table.matches("\\w+") || !catalog().databaseExists(database)) {
      return;
    }
    if (catalog().tableExists(database, table)) {
      CatalogTable known = catalog().getTable(database, table);
      boolean isDelta = known.provider().isDefined() && "delta".equalsIgnoreCase((String) known.provider().get());
      if (isDelta && known.tableType().equals(CatalogTableType.MANAGED()) && isGone(known)) {
        catalog().dropTable(database, table, true, false);
      } else if (isDelta && known.tableType().equals(CatalogTableType.EXTERNAL())) {
        findLog(known);
      }
      return;
    }
    File folder = find(new File(catalog().getDatabase(database).locationUri().getPath()), name);
    File withoutSchema = folder != null && isTable(folder) ? null : withoutSchema(database, name);
    folder = withoutSchema == null ? folder : withoutSchema;
    String missing = folder == null ? missing(database, name) : null;
    if (folder != null && isTable(folder)) {
      catalog().createTable(described(database, table, folder), true);
    } else if (missing != null) {
      catalog().createTable(missing(database, table, missing), true);
    }
  }

  /** Where the shortcut leads that a table is, if it leads out of this machine. */
  private String missing(String database, String name) {
    String path = new File(catalog().getDatabase(database).locationUri().getPath(), name).getPath();
    for (Object one : lakehouses.all()) {
      Lakehouses.Lakehouse lakehouse = (Lakehouses.Lakehouse) one;
      String missing = path.startsWith(lakehouse.folder + "/") ? lakehouse.missing(path.substring(lakehouse.folder.length() + 1)) : null;
      if (missing != null) {
        return missing;
      }
    }
    return null;
  }

  /** It says where it leads when it is read. */
  private static CatalogTable missing(String database, String table, String text) throws Exception {
    CatalogTable made = described(database, table, new File("/nowhere", table));
    Object options = scala.collection.immutable.Map$.MODULE$.empty().updated(MissingShortcut.REASON, text);
    CatalogStorageFormat empty = CatalogStorageFormat.empty();
    int position = 0;
    while (!(empty.productElement(position) instanceof scala.collection.immutable.Map)) {
      position++;
    }
    Object storage = with(empty, position, options);
    Object provided = with(with(made, 4, Option.apply(MissingShortcut.class.getName())), 2, storage);
    return (CatalogTable) with(provided, 1, CatalogTableType.EXTERNAL());
  }

  /** A table in `Tables/` itself of a lakehouse with schemas. It was written by path, or before the lakehouse had schemas. */
  private File withoutSchema(String database, String name) {
    Lakehouses.Lakehouse lakehouse = withDefault(database);
    File folder = lakehouse == null ? null : find(lakehouse.tables(), name);
    return folder != null && isTable(folder) ? folder : null;
  }

  /** The lakehouse whose default schema the database is. Null where it is no such one. */
  private Lakehouses.Lakehouse withDefault(String database) {
    for (Object one : lakehouses.all()) {
      Lakehouses.Lakehouse lakehouse = (Lakehouses.Lakehouse) one;
      if (lakehouse.defaultSchema != null && database.equalsIgnoreCase(lakehouse.prefix + lakehouse.defaultSchema)) {
        return lakehouse;
      }
    }
    return null;
  }

  /** What is called so in the database, or, in the default schema, without a schema: what this lakehouse had before it had
    * schemas, and is no Delta table, is in Spark's own database. */
  String databaseOf(String database, String name) throws Exception {
    findTable(database, name);
    Lakehouses.Lakehouse lakehouse = withDefault(database);
    if (lakehouse == null || !lakehouse.prefix.isEmpty() || isTableIn(database, name)) {
      return database;
    }
    return isTableIn(ONLY, name) ? ONLY : database;
  }

  private boolean isTableIn(String database, String name) throws Exception {
    String table = session.sessionState().conf().caseSensitiveAnalysis() ? name : name.toLowerCase();
    return catalog().databaseExists(database) && catalog().tableExists(database, table);
  }

  private static boolean isGone(CatalogTable table) {
    return !new File(table.location().getPath()).exists();
  }

  /** Where `saveAsTable` was given a relative path, Delta's log is in the lakehouse; Spark thinks of the schema's folder. */
  private void findLog(CatalogTable table) throws Exception {
    String location = table.location().getPath();
    String start = catalog().getDatabase((String) table.identifier().database().get()).locationUri().getPath() + "/";
    if (location == null || !location.startsWith(start) || isTable(new File(location))) {
      return;
    }
    File meant = new File(lakehouses.own.folder, location.substring(start.length()));
    if (isTable(meant)) {
      Object storage = with(table.storage(), 0, Option.apply(uri(meant)));
      catalog().alterTable((CatalogTable) with(table, 2, storage));
    }
  }

  private static Object with(Object caseClass, int position, Object value) throws Exception {
    Object[] values = new Object[((Product) caseClass).productArity()];
    for (int i = 0; i < values.length; i++) {
      values[i] = i == position ? value : ((Product) caseClass).productElement(i);
    }
    return caseClass.getClass().getConstructors()[0].newInstance(values);
  }

  /** The rest is in Delta's log. The two classes have more fields in some versions of Spark than in others. */
  private static CatalogTable described(String database, String table, File folder) throws Exception {
    Constructor<?> make = CatalogTable.class.getConstructors()[0];
    Object[] values = new Object[make.getParameterTypes().length];
    values[0] = new TableIdentifier(table, Option.apply(database));
    values[1] = CatalogTableType.MANAGED();
    values[2] = with(CatalogStorageFormat.empty(), 0, Option.apply(uri(folder)));
    values[3] = new StructType();
    values[4] = Option.apply("delta");
    for (int i = 5; i < values.length; i++) {
      values[i] = CatalogTable.class.getMethod("apply$default$" + (i + 1), new Class[0]).invoke(null, new Object[0]);
    }
    return (CatalogTable) make.newInstance(values);
  }
}
