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

spark.range(3).write.mode("overwrite").saveAsTable("Bronze.raw_events")
assert spark.table("raw_events").count() == 3  # a shortcut of this lakehouse
spark.range(2).write.mode("append").format("delta").saveAsTable("dbo.raw_events")
assert spark.table("Bronze.raw_events").count() == 5

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.sql("DELETE FROM raw_events WHERE id = 0")
by_path = spark.read.format("delta").load("Tables/dbo/raw_events")
assert by_path.count() == spark.table("Bronze.raw_events").count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

with open("/lakehouse/default/Files/landing/day.csv", "w") as written:
    written.write("a\n1\n")
spark.range(1).write.mode("overwrite").parquet("Files/landing/written")
bronze = notebookutils.lakehouse.get("Bronze").properties["abfsPath"]
assert spark.read.option("header", True).csv(f"{bronze}/Files/landing/day.csv").first().a == "1"
assert notebookutils.fs.head("Files/landing/day.csv") == notebookutils.fs.head(f"{bronze}/Files/landing/day.csv")
assert notebookutils.fs.exists(f"{bronze}/Files/landing/written/_SUCCESS")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE OR REPLACE TABLE marts.daily AS SELECT count(*) AS n FROM raw_events -- a schema of another lakehouse

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("Gold.marts.daily").first().n == 3
assert [row.tableName for row in spark.sql("SHOW TABLES IN marts").collect()] == ["daily"]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.sql("DROP TABLE raw_events")
assert spark.table("Bronze.raw_events").count() == 3  # a shortcut is removed, not what it leads to

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

def told(read):
    try:
        read()
    except Exception as problem:
        return str(problem)
    raise AssertionError("it was read")


assert spark.catalog.tableExists("priced_elsewhere")
assert "ADLS Gen2 https://prices.dfs" in told(lambda: spark.table("priced_elsewhere").show())
assert "ADLS Gen2 https://prices.dfs" in told(lambda: spark.sql("SELECT * FROM dbo.priced_elsewhere").show())
assert "Amazon S3" in told(lambda: spark.read.csv("Files/partner_drop/x.csv"))
assert "Amazon S3" in told(lambda: notebookutils.fs.ls("Files/partner_drop"))
assert spark.sql("WITH priced_elsewhere AS (SELECT 1 AS n) SELECT * FROM priced_elsewhere").first().n == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
