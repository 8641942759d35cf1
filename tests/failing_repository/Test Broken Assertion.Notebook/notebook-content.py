# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "bebb47ad-fb2f-5d4a-ad1e-148cbc3e1bd4",
# META       "default_lakehouse_name": "Sales",
# META       "default_lakehouse_workspace_id": "00000000-0000-0000-0000-000000000000",
# META       "known_lakehouses": [
# META         {
# META           "id": "bebb47ad-fb2f-5d4a-ad1e-148cbc3e1bd4"
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # An assertion that does not hold

# CELL ********************

rows = [("rye", 4), ("wheat", 5)]
orders = spark.createDataFrame(rows, "kind string, n int")
print("orders are there")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# how many orders there are
expected = 7
assert orders.count() == expected, "orders went missing"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

print('never')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
