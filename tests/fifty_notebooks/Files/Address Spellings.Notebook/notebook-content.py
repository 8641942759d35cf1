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

context = notebookutils.runtime.context
workspace, lakehouse = context["currentWorkspaceId"], context["defaultLakehouseId"]
assert lakehouse == "763dd2a4-adb4-57c7-a094-03298ff39fa1"
by_ids = f"abfss://{workspace}@onelake.dfs.fabric.microsoft.com/{lakehouse}"
by_names = f"abfss://{context['currentWorkspaceName']}@onelake.dfs.fabric.microsoft.com/{context['defaultLakehouseName']}.Lakehouse".replace(" ", "%20")
in_metadata = "abfss://e64c075a-d454-5a77-8570-55e61d973874@onelake.dfs.fabric.microsoft.com/763dd2a4-adb4-57c7-a094-03298ff39fa1"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.range(3).write.mode("overwrite").format("delta").save("Tables/dbo/spelled")
for start in ("", f"{by_ids}/", f"{by_names}/", f"{in_metadata}/"):
    assert spark.read.format("delta").load(f"{start}Tables/dbo/spelled").count() == 3, start
assert spark.table("spelled").count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.range(2).write.mode("overwrite").parquet(f"{by_ids}/Files/spelled")
assert spark.read.parquet("Files/spelled").count() == 2
import pandas as pd

assert len(pd.read_parquet("/lakehouse/default/Files/spelled")) == 2
assert [one.isDir for one in notebookutils.fs.ls(by_ids) if one.name == "Files"] == [True]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.sql("CREATE TABLE IF NOT EXISTS spelled_by_location USING PARQUET LOCATION 'Files/spelled'")
assert spark.table("spelled_by_location").count() == 2
spark.sql("DROP TABLE spelled_by_location")
bronze = notebookutils.lakehouse.get("Bronze")
spark.range(5).write.mode("overwrite").format("delta").save(f"{bronze.properties['abfsPath']}/Tables/spelled_there")
assert spark.table("Bronze.spelled_there").count() == 5

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
