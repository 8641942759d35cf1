# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "df7bfa8c-9af7-570b-8386-dd3df14271fe",
# META       "default_lakehouse_name": "Gold",
# META       "default_lakehouse_workspace_id": "00000000-0000-0000-0000-000000000000",
# META       "known_lakehouses": [
# META         {
# META           "id": "df7bfa8c-9af7-570b-8386-dd3df14271fe"
# META         },
# META         {
# META           "id": "b6a65750-b77e-5204-a235-c77ec2f4ac38"
# META         },
# META         {
# META           "id": "ef14fddf-80dc-5968-8877-f771e5588c8d"
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # Data quality
# 
# Of the tables of Silver and Gold: it runs after a load, here and in the workspace. Its first cell has the tag `test`: so it is a test here, too.

# CELL ********************

revenue = spark.table("daily_revenue")
assert revenue.count() > 0, "no revenue at all"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark",
# META   "tags": [
# META     "test"
# META   ]
# META }

# CELL ********************

assert revenue.where("revenue < 0").count() == 0
assert revenue.where("zone IS NULL").count() == 0

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

silver = spark.table("Silver.dbo.trips")
total = round(silver.groupBy().sum("fare").first()[0], 2)
assert revenue.groupBy().sum("revenue").first()[0] == total, "Gold and Silver differ"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import builtin.limits as limits

assert not limits.is_too_dear(total, silver.count())

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
