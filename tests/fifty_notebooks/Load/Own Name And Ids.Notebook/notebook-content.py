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

spark.range(3).write.mode("overwrite").saveAsTable("own_rows")
assert spark.table("Bronze.own_rows").count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE TABLE IF NOT EXISTS Bronze.own_more (id INT, name STRING) USING DELTA;
# MAGIC INSERT OVERWRITE Bronze.own_more VALUES (1, 'rye'), (2, 'spelt');
# MAGIC SELECT name FROM own_more ORDER BY id

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

own = "abfss://e64c075a-d454-5a77-8570-55e61d973874@onelake.dfs.fabric.microsoft.com/ef758a23-10c0-507e-9d60-42bb66253163"
spark.range(4).write.mode("overwrite").format("delta").save(f"{own}/Tables/own_by_ids")
assert spark.table("own_by_ids").count() == 4
assert spark.read.format("delta").load("Tables/own_by_ids").count() == 4
notebookutils.fs.put(f"{own}/Files/own/a.txt", "one", True)
assert notebookutils.fs.head("Files/own/a.txt") == "one"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

context = notebookutils.runtime.context
assert context["defaultLakehouseName"] == "Bronze", context
assert context["defaultLakehouseId"] == "ef758a23-10c0-507e-9d60-42bb66253163", context
assert context["currentWorkspaceId"], context
here = mssparkutils.lakehouse.get("Bronze")
assert here.id == "ef758a23-10c0-507e-9d60-42bb66253163" and here.displayName == "Bronze"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
