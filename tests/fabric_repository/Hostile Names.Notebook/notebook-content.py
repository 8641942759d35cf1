# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

from pyspark.sql.functions import *
from pyspark.sql.types import *
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName('mine').config('spark.sql.shuffle.partitions', '1').getOrCreate()
df = spark.range(3).select(sum('id').alias('total'), max('id').alias('top'), round(avg('id'), 1).alias('mean'))
df

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert tuple(df.first()) == (3, 2, 1.0)
display(df)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import sys

sum = input = list = str = dict = print_ = type = open = len = repr = isinstance = None
id = filter = min = max = abs = round = hash = range = None
df

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SELECT 1 AS one

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

display = lambda *_: 1 / 0
spark.sql('SELECT 2 AS two')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

_fabric_livy = None
get_ipython = None
before = sys.stdout

class Quiet:
    def write(self, text):
        pass

    def flush(self):
        pass

sys.stdout = Quiet()
print('not seen')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

sys.stdout = before
print('seen')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import builtins
import json as spark_json

json = sys.modules['json'].loads = spark_json.loads
assert builtins.len('abc') == 3
del builtins, spark_json

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark = 'rebound'
sc = None
notebookutils = mssparkutils = None

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SELECT 'still here' AS it

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.range(2).count() == 2

class int(int):
    pass

Exception = BaseException
spark.range(2)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
