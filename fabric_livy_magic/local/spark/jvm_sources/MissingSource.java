package fabric_livy_magic.local;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.CreatableRelationProvider;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.sources.RelationProvider;
import org.apache.spark.sql.sources.SchemaRelationProvider;
import org.apache.spark.sql.types.StructType;

/** In place of a source whose jars could not be had: it says why. Where the source is on the class path it steps back. */
public abstract class MissingSource
    implements DataSourceRegister, RelationProvider, SchemaRelationProvider, CreatableRelationProvider {
  private final String name;
  private final String[] classes;

  MissingSource(String name, String[] classes) {
    this.name = name;
    this.classes = classes;
  }

  public String shortName() {
    for (int i = 0; i < classes.length; i++) {
      if (isThere(classes[i])) {
        return getClass().getName();
      }
    }
    return name;
  }

  private static boolean isThere(String className) {
    try {
      Class.forName(className, false, Thread.currentThread().getContextClassLoader());
      return true;
    } catch (ClassNotFoundException none) {
      return false;
    }
  }

  private UnsupportedOperationException missing(SQLContext context) {
    String reason = context.sparkContext().hadoopConfiguration().get("fabric_livy.missing_sources", "their start has no word on it");
    return new UnsupportedOperationException("The jars of the source " + name + " are not in this session: " + reason + ".");
  }

  public BaseRelation createRelation(SQLContext context, scala.collection.immutable.Map parameters) {
    throw missing(context);
  }

  public BaseRelation createRelation(SQLContext context, scala.collection.immutable.Map parameters, StructType schema) {
    throw missing(context);
  }

  public BaseRelation createRelation(SQLContext context, SaveMode mode, scala.collection.immutable.Map parameters, Dataset data) {
    throw missing(context);
  }

  public static final class Avro extends MissingSource {
    public Avro() {
      super("avro", new String[] {"org.apache.spark.sql.avro.AvroFileFormat"});
    }
  }

  private static final String[] XML =
      new String[] {"com.databricks.spark.xml.DefaultSource", "org.apache.spark.sql.execution.datasources.xml.XmlFileFormat"};

  public static final class Xml extends MissingSource {
    public Xml() {
      super("xml", XML);
    }
  }

  public static final class DatabricksXml extends MissingSource {
    public DatabricksXml() {
      super("com.databricks.spark.xml", XML);
    }
  }
}
