# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "22222222-2222-4222-8222-222222222222",
# META       "default_lakehouse_name": "Silver",
# META       "default_lakehouse_workspace_id": "0f0f0f0f-0000-4000-8000-000000000000"
# META     }
# META   }
# META }

# CELL ********************

spark.sql('CREATE TABLE clean AS SELECT n FROM Bronze.dbo.numbers WHERE n > 0')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.catalog.currentDatabase() == 'dbo'
spark.table('dbo.clean').count()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
