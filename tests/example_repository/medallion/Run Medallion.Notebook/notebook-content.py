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
# META         },
# META         {
# META           "id": "b6a65750-b77e-5204-a235-c77ec2f4ac38"
# META         },
# META         {
# META           "id": "df7bfa8c-9af7-570b-8386-dd3df14271fe"
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # All of a day, in order

# PARAMETERS CELL ********************

day = "2024-01-31"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

loaded = int(notebookutils.notebook.run("Load Trips", 300, {"day": day}))
notebookutils.notebook.run("Load Zones", 300)
notebookutils.notebook.run("Clean Trips", 300, {"day": day})
notebookutils.notebook.run("Daily Revenue", 300)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.notebook.exit(str(loaded))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
