# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

# MAGIC %%configure
# MAGIC {"defaultLakehouse": {"name": "Curated"}}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

names = [notebookutils.runtime.context[key] for key in ("currentWorkspaceName", "defaultLakehouseName")]
workspace, lakehouse = names
spark.sql(f"CREATE OR REPLACE TABLE {lakehouse}.parts AS SELECT 1 AS id")
assert spark.sql("SELECT * FROM parts").count() == 1
assert spark.table("dbo.parts").count() == spark.table("parts").count() == 1
assert spark.sql(f"SELECT * FROM `{lakehouse}`.dbo.parts").count() == 1
assert spark.sql(f"SELECT * FROM `{workspace}`.`{lakehouse}`.dbo.parts").count() == 1
spark.range(2).write.mode("append").format("delta").saveAsTable(f"{lakehouse}.dbo.more_parts")
assert spark.table("more_parts").count() >= 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.conf.get("trident.workspace.id") == notebookutils.runtime.context["currentWorkspaceId"]
assert spark.conf.get("trident.lakehouse.id") == notebookutils.runtime.context["defaultLakehouseId"]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
