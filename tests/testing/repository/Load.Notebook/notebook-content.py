# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "11111111-1111-4111-8111-111111111111",
# META       "default_lakehouse_name": "Bronze",
# META       "default_lakehouse_workspace_id": "0f0f0f0f-0000-4000-8000-000000000000"
# META     }
# META   }
# META }

# PARAMETERS CELL ********************

rows = 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.range(rows).withColumnRenamed('id', 'n').write.mode('overwrite').saveAsTable('numbers')
print('written', rows)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import pandas as pd

print(len(pd.read_csv('/lakehouse/default/Files/in/trips.csv')))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.notebook.exit(str(spark.table('raw.trips').count()))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
