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

# CELL ********************

frame = spark.range(5)
assert notebookutils.credentials.getSecret('vault', 'name') == 'of a mock'

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert frame.count() == 5
if frame.count() > 9:
    raise ValueError('too many')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
