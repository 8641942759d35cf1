package fabric_livy_magic.local;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.CreatableRelationProvider;
import org.apache.spark.sql.sources.RelationProvider;
import org.apache.spark.sql.sources.SchemaRelationProvider;
import org.apache.spark.sql.types.StructType;

/** The source of a table that is a shortcut to another storage: it says so when it is read or written. */
public final class MissingShortcut implements RelationProvider, SchemaRelationProvider, CreatableRelationProvider {
  static final String REASON = "leads_to";

  private static UnsupportedOperationException missing(scala.collection.immutable.Map parameters) {
    return new UnsupportedOperationException(String.valueOf(parameters.apply(REASON)));
  }

  public BaseRelation createRelation(SQLContext context, scala.collection.immutable.Map parameters) {
    throw missing(parameters);
  }

  public BaseRelation createRelation(SQLContext context, scala.collection.immutable.Map parameters, StructType schema) {
    throw missing(parameters);
  }

  public BaseRelation createRelation(SQLContext context, SaveMode mode, scala.collection.immutable.Map parameters, Dataset data) {
    throw missing(parameters);
  }
}
