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

spark.createDataFrame([("rye", 3), ("rye", 4), ("spelt", 1)], "name string, sold int").write.mode("overwrite").saveAsTable("dbo.sold_rows")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE SCHEMA IF NOT EXISTS views;
# MAGIC CREATE MATERIALIZED LAKE VIEW IF NOT EXISTS views.sold_by_name
# MAGIC AS SELECT name, sum(sold) AS sold FROM dbo.sold_rows GROUP BY name

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert {row.name: row.sold for row in spark.table("views.sold_by_name").collect()} == {"rye": 7, "spelt": 1}
spark.createDataFrame([("oats", 9)], "name string, sold int").write.mode("append").saveAsTable("dbo.sold_rows")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC REFRESH MATERIALIZED LAKE VIEW views.sold_by_name FULL

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("views.sold_by_name").where("name = 'oats'").first().sold == 9
assert spark.sql("SHOW MATERIALIZED LAKE VIEWS IN views").count() >= 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
