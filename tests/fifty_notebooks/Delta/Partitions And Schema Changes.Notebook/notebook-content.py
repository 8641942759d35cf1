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

from pyspark.sql import functions as F

sales = spark.createDataFrame([(1, 2023, 5.0), (2, 2024, 7.0), (3, 2024, 9.0)], "id int, year int, amount double")
sales.write.mode("overwrite").partitionBy("year").format("delta").option("overwriteSchema", "true").saveAsTable("sales_by_year")
assert sorted(one.name.rstrip("/") for one in notebookutils.fs.ls("Tables/dbo/sales_by_year") if one.name.startswith("year")) == ["year=2023", "year=2024"]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

sales.where("year = 2024").limit(1).write.mode("overwrite").option("replaceWhere", "year = 2024").format("delta").saveAsTable("sales_by_year")
assert spark.table("sales_by_year").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

more = sales.withColumn("channel", F.lit("web"))
more.write.mode("append").option("mergeSchema", "true").format("delta").saveAsTable("sales_by_year")
found = spark.table("sales_by_year")
assert found.columns == ["id", "year", "amount", "channel"] and found.where("channel IS NULL").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

sales.select("id").write.mode("overwrite").option("overwriteSchema", True).format("delta").saveAsTable("sales_by_year_flat")
assert spark.table("sales_by_year_flat").columns == ["id"]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
