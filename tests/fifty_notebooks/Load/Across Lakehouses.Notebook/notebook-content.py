# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "ef758a23-10c0-507e-9d60-42bb66253163",
# META       "default_lakehouse_name": "Bronze",
# META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
# META       "known_lakehouses": [
# META         {
# META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
# META         },
# META         {
# META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
# META         },
# META         {
# META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

spark.range(5).write.mode("overwrite").saveAsTable("Bronze.raw_clicks")
clean = spark.table("Bronze.raw_clicks").where("id % 2 = 0")
clean.write.mode("overwrite").format("delta").saveAsTable("Silver.dbo.clicks")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE SCHEMA IF NOT EXISTS Gold.marts;
# MAGIC CREATE OR REPLACE TABLE Gold.marts.clicks AS
# MAGIC SELECT count(*) AS n, max(id) AS last FROM Silver.dbo.clicks -- across; three

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("Gold.marts.clicks").first().n == 3
assert spark.table("Silver.dbo.clicks").count() == 3
joined = spark.sql("""
    SELECT r.id FROM Bronze.raw_clicks AS r
    LEFT ANTI JOIN Silver.dbo.clicks AS c ON r.id = c.id
""")
assert sorted(row.id for row in joined.collect()) == [1, 3]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

workspace = notebookutils.runtime.context["currentWorkspaceName"]
assert spark.sql(f"SELECT * FROM `{workspace}`.Gold.marts.clicks").count() == 1
assert notebookutils.lakehouse.get("Gold").properties["abfsPath"].startswith("abfss://")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
