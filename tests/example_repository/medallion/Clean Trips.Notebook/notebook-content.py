# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "b6a65750-b77e-5204-a235-c77ec2f4ac38",
# META       "default_lakehouse_name": "Silver",
# META       "default_lakehouse_workspace_id": "00000000-0000-0000-0000-000000000000",
# META       "known_lakehouses": [
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

# # Silver: the valid trips, with their zones

# CELL ********************

%run Trip Rules

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# PARAMETERS CELL ********************

day = "2024-01-31"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

bronze = spark.table("Bronze.dbo.trips").where(F.col("day") == day)
trips = typed(bronze)
valid = trips.where(is_valid())
rejected = trips.where(~is_valid() | F.col("fare").isNull())

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

zones = spark.table("Bronze.dbo.zones")
cleaned = valid.join(zones, "zone_id", "left").select("day", "zone", "km", "fare")
cleaned.write.mode("overwrite").saveAsTable("trips")
rejected.write.mode("overwrite").saveAsTable("rejected_trips")
print(f"{cleaned.count()} trips of {day}, {rejected.count()} rejected")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
