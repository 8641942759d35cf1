# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "44444444-0000-4000-8000-000000000000",
# META       "default_lakehouse_name": "Known",
# META       "default_lakehouse_workspace_id": "11111111-0000-4000-8000-000000000000",
# META       "known_lakehouses": [
# META         {
# META           "id": "22222222-0000-4000-8000-000000000000"
# META         },
# META         {
# META           "id": "44444444-0000-4000-8000-000000000000"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

# Only here has the other lakehouse a name.
1
