# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "763dd2a4-adb4-57c7-a094-03298ff39fa1",
# META       "default_lakehouse_name": "Silver",
# META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
# META       "known_lakehouses": [
# META         {
# META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
# META         },
# META         {
# META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
# META         },
# META         {
# META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

spark.sql("DROP TABLE IF EXISTS versions")
for value in (1, 2, 3):
    spark.createDataFrame([(value,)], "v int").write.mode("overwrite").format("delta").saveAsTable("versions")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

history = spark.sql("DESCRIBE HISTORY versions").orderBy("version")
assert [row.version for row in history.collect()][:3] == [0, 1, 2]
assert spark.read.option("versionAsOf", 0).table("versions").first().v == 1
assert spark.sql("SELECT v FROM versions VERSION AS OF 1").first().v == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC RESTORE TABLE versions TO VERSION AS OF 1;
# MAGIC SELECT v FROM versions

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("versions").first().v == 2
details = spark.sql("DESCRIBE DETAIL versions").first()
assert details.format == "delta" and details.numFiles == 1, details

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
