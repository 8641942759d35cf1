# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "ef14fddf-80dc-5968-8877-f771e5588c8d",
# META       "default_lakehouse_name": "Bronze",
# META       "default_lakehouse_workspace_id": "00000000-0000-0000-0000-000000000000",
# META       "known_lakehouses": [
# META         {
# META           "id": "ef14fddf-80dc-5968-8877-f771e5588c8d"
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # Bronze: the zones

# PARAMETERS CELL ********************

zones_file = "Files/reference/zones.csv"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

zones = spark.read.csv(zones_file, header=True, inferSchema=True)
zones.write.mode("overwrite").saveAsTable("zones")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
