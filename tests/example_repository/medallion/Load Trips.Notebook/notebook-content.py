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

# # Bronze: the trips as they came
# 
# One CSV a day from `Files/landing`.

# PARAMETERS CELL ********************

day = "2024-01-31"
folder = "Files/landing"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from pyspark.sql import functions as F

landed = spark.read.csv(f"{folder}/trips-{day}.csv", header=True)
trips = landed.withColumn("day", F.lit(day)).withColumn("loaded_at", F.current_timestamp())

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# A day that is loaded again takes the place of its rows.
if spark.catalog.tableExists("trips"):
    spark.sql("DELETE FROM trips WHERE day = :day", args={"day": day})
trips.write.mode("append").saveAsTable("trips")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.notebook.exit(str(trips.count()))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
