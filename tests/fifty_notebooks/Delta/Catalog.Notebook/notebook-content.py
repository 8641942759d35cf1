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

for name in ("catalog_a", "catalog_b"):
    spark.range(1).write.mode("overwrite").saveAsTable(name)
tables = {one.name for one in spark.catalog.listTables()}
assert {"catalog_a", "catalog_b"} <= tables, tables
assert spark.catalog.tableExists("catalog_a") and spark.catalog.tableExists("Silver.dbo.catalog_a")
assert not spark.catalog.tableExists("catalog_none")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert [one.name for one in spark.catalog.listColumns("catalog_a")] == ["id"]
assert spark.catalog.currentDatabase().split(".")[-1].strip("`") in ("dbo", "Silver", "silver")
spark.sql("DROP TABLE IF EXISTS catalog_b")
assert not spark.catalog.tableExists("catalog_b")
assert not notebookutils.fs.exists("Tables/dbo/catalog_b")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC DESCRIBE TABLE EXTENDED catalog_a

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SHOW TABLES

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }
