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
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # Gold: revenue by day and zone

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE OR REPLACE TABLE daily_revenue AS
# MAGIC SELECT day, coalesce(zone, 'unknown') AS zone, count(*) AS trips, round(sum(fare), 2) AS revenue
# MAGIC FROM Silver.dbo.trips
# MAGIC GROUP BY day, coalesce(zone, 'unknown')

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

display(spark.table("daily_revenue").orderBy("zone"))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
