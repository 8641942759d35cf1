# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# MARKDOWN ********************

# # Delta tables by name

# CELL ********************

from delta.tables import DeltaTable
from pyspark.sql.window import Window
from pyspark.sql.functions import col, lit, row_number

# of Fabric only: accepted, and without effect elsewhere
for key, value in {
    "spark.sql.parquet.vorder.enabled": "true",
    "spark.microsoft.delta.optimizeWrite.enabled": "true",
    "spark.microsoft.delta.optimizeWrite.binSize": "1073741824",
    "spark.synapse.vegas.useCache": "false",
    "spark.native.enabled": "true",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.legacy.timeParserPolicy": "LEGACY",
    "spark.sql.caseSensitive": "true",
}.items():
    spark.conf.set(key, value)
assert spark.conf.get("spark.native.enabled") == "true"
spark.conf.set("spark.sql.caseSensitive", "false")
spark.conf.set("spark.sql.shuffle.partitions", "1")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

rolls = spark.createDataFrame([("rye", 7), ("spelt", 5), ("rye", 9)], "name string, sold int").coalesce(1)
latest = rolls.withColumn("n", row_number().over(Window.partitionBy("name").orderBy(col("sold").desc()))).where("n = 1").drop("n")
latest.write.format("delta").mode("overwrite").option("overwriteSchema", "true").saveAsTable("rolls")
assert spark.catalog.tableExists("rolls")
assert {tuple(row) for row in spark.table("rolls").collect()} == {("rye", 9), ("spelt", 5)}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

target = DeltaTable.forName(spark, "rolls")
source = spark.createDataFrame([("rye", 1), ("bun", 2)], "name string, sold int").coalesce(1)
(
    target.alias("t")
    .merge(source.alias("s"), "t.name = s.name")
    .whenMatchedUpdate(set={"sold": "t.sold + s.sold"})
    .whenNotMatchedInsertAll()
    .execute()
)
assert {row.name: row.sold for row in spark.table("rolls").collect()} == {"rye": 10, "spelt": 5, "bun": 2}
assert [row.operation for row in target.history().collect()][0] == "MERGE"
assert DeltaTable.isDeltaTable(spark, target.detail().first().location)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

table_name = "rolls"
older = spark.sql(f"SELECT * FROM {table_name} VERSION AS OF 0;")  # time travel, and a semicolon
assert older.count() == 2
spark.sql("CREATE SCHEMA IF NOT EXISTS bronze")
DeltaTable.createIfNotExists(spark).tableName("bronze.shelf").addColumn("name", "STRING").execute()
rolls.select("name", lit(1).alias("shelf")).distinct().write.mode("append").option("mergeSchema", "true").saveAsTable("bronze.shelf")
assert spark.table("bronze.shelf").columns == ["name", "shelf"]
assert spark.table("bronze.shelf").count() == 2
DeltaTable = DeltaTable.forName(spark, "bronze.shelf")  # the class's name is gone: real notebooks do it
DeltaTable.delete("name = 'rye'")
assert DeltaTable.toDF().count() == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
