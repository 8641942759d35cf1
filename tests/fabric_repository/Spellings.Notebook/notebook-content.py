# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# MARKDOWN ********************

# # One table, every address

# CELL ********************

import os
import pandas as pd
from delta.tables import DeltaTable

context = notebookutils.runtime.context
workspace, lakehouse = context["currentWorkspaceId"], context["defaultLakehouseId"]
names = context["currentWorkspaceName"], context["defaultLakehouseName"]
by_ids = f"abfss://{workspace}@onelake.dfs.fabric.microsoft.com/{lakehouse}"
by_names = f"abfss://{names[0]}@onelake.dfs.fabric.microsoft.com/{names[1]}.Lakehouse"
rows = spark.createDataFrame([(1, "rye"), (2, "spelt")], "id int, name string").coalesce(1)
rows.write.mode("overwrite").option("header", True).csv("Files/spellings/csv")
for home in ("Files", f"{by_ids}/Files", f"{by_names}/Files", "file:/lakehouse/default/Files"):
    assert spark.read.option("header", True).csv(f"{home}/spellings/csv").count() == 2, home

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert any(name.endswith(".csv") for name in os.listdir("/lakehouse/default/Files/spellings/csv"))
with open("/lakehouse/default/Files/spellings/plain.txt", "w", encoding="utf-8") as file:
    file.write("größer")
assert spark.read.text("Files/spellings/plain.txt").first().value == "größer"
pd.DataFrame({"a": [1, 2]}).to_parquet("/lakehouse/default/Files/spellings/a.parquet")
assert spark.read.parquet("Files/spellings/a.parquet").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

rows.write.format("delta").mode("overwrite").save("Tables/by_path")  # by path, then by name
assert spark.table("by_path").count() == 2
rows.write.mode("overwrite").saveAsTable("by_name")  # by name, then by path
for home in ("Tables", f"{by_ids}/Tables", f"{by_names}/Tables"):
    assert spark.read.format("delta").load(f"{home}/by_name").count() == 2, home
assert DeltaTable.isDeltaTable(spark, "Tables/by_path")
DeltaTable.forPath(spark, "Tables/by_path").delete("id = 1")
assert DeltaTable.forName(spark, "by_path").toDF().count() == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE TABLE IF NOT EXISTS located (id INT) USING DELTA LOCATION 'Files/spellings/located';
# MAGIC SELECT * FROM delta.`Tables/by_name`

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }
