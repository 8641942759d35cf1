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

# MAGIC %%sql
# MAGIC CREATE SCHEMA IF NOT EXISTS Gold.dbo;
# MAGIC CREATE OR REPLACE TABLE Gold.dbo.prices AS SELECT 'rye' AS name, 2.5D AS price;
# MAGIC USE Gold.dbo;
# MAGIC SELECT * FROM prices

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

try:
    assert spark.table("prices").first().price == 2.5
    names = {row.tableName for row in spark.sql("SHOW TABLES").collect()}
    assert "prices" in names, names
finally:
    spark.sql("USE Silver.dbo")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.range(1).write.mode("overwrite").saveAsTable("after_use")
assert spark.table("Silver.dbo.after_use").count() == 1
assert "after_use" in {row.tableName for row in spark.sql("SHOW TABLES IN Silver.dbo").collect()}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
