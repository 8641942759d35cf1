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

from delta.tables import DeltaTable
from pyspark.sql import functions as F

(
    DeltaTable.createOrReplace(spark)
    .tableName("dbo.customers")
    .addColumn("id", "INT")
    .addColumn("name", "STRING")
    .addColumn("changed", "DATE")
    .execute()
)
first = spark.createDataFrame([(1, "Ada"), (2, "Bo")], "id int, name string").withColumn("changed", F.to_date(F.lit("2024-01-01")))
first.write.mode("append").saveAsTable("customers")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

changes = spark.createDataFrame([(2, "Björn"), (3, "Chloë")], "id int, name string").withColumn("changed", F.to_date(F.lit("2024-02-01")))
target = DeltaTable.forName(spark, "customers")
(
    target.alias("t")
    .merge(changes.alias("s"), "t.id = s.id")
    .whenMatchedUpdate(set={"name": "s.name", "changed": "s.changed"})
    .whenNotMatchedInsertAll()
    .execute()
)
assert [row.name for row in spark.table("customers").orderBy("id").collect()] == ["Ada", "Björn", "Chloë"]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

by_path = DeltaTable.forPath(spark, "Tables/dbo/customers")
by_path.delete("id = 1")
by_path.update("id = 3", {"name": "upper(name)"})
assert DeltaTable.isDeltaTable(spark, "Tables/dbo/customers")
assert {row.name for row in spark.read.table("dbo.customers").collect()} == {"Björn", "CHLOË"}
operations = [row.operation for row in DeltaTable.forName(spark, "customers").history().select("operation").collect()]
assert operations[:3] == ["UPDATE", "DELETE", "MERGE"], operations

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
