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
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # The shared rules, on rows that are made here

# CELL ********************

%run Trip Rules

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

rows = [("2024-01-31", "1", "3.2", "14.5"), ("2024-01-31", "1", "0", "9"), ("2024-01-31", "2", "1.1", "free")]
trips = typed(spark.createDataFrame(rows, "day string, zone_id string, km string, fare string"))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert trips.count() == 3
assert trips.schema["fare"].dataType.simpleString() == "double"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

valid = trips.where(is_valid()).collect()
assert len(valid) == 1
assert valid[0].fare >= FLOOR

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
