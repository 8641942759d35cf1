# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# PARAMETERS CELL ********************

rows = 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import builtins

spark.range(rows).write.saveAsTable('trips')
spark.range(1).createTempView('view')
spark.sql('CREATE SCHEMA own')
spark.sql('USE own')
spark.conf.set('spark.sql.shuffle.partitions', '7')
assert not hasattr(builtins, 'something')
builtins.something = 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
