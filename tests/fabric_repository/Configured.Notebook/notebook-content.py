# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

# MAGIC %%configure -f
# MAGIC {
# MAGIC     // as in the portal
# MAGIC     "conf": {
# MAGIC         "spark.sql.shuffle.partitions": {"variableName": "$(/**/Settings/floor)"},  /* few */
# MAGIC     },
# MAGIC     "driverCores": 4,
# MAGIC     "sessionTimeoutInSeconds": 900,
# MAGIC }

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.conf.get('spark.sql.shuffle.partitions') == '3'

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
