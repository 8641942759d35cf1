# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "763dd2a4-adb4-57c7-a094-03298ff39fa1",
# META       "default_lakehouse_name": "Silver",
# META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
# META       "known_lakehouses": [
# META         {
# META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
# META         },
# META         {
# META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
# META         },
# META         {
# META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

from pyspark.sql import SparkSession
from pyspark.sql.functions import *
from pyspark.sql.types import *

spark = SparkSession.builder.appName("mine").getOrCreate()
sc = spark.sparkContext

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

input = "Files/own_style"  # hides Python's
display_name = "a"
df = spark.range(4).withColumn("half", round(col("id") / 2, 1)).agg(sum("half").alias("s"), max("id").alias("m"))
assert df.first().s == 3.0 and df.first().m == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import logging

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger("own")
logger.info("started")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from delta.tables import DeltaTable

spark.range(2).write.mode("overwrite").format("delta").save("Tables/dbo/own_style")
DeltaTable = DeltaTable.forPath(spark, "Tables/dbo/own_style")
assert DeltaTable.toDF().count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import warnings

warnings.filterwarnings("ignore")
try:
    result = spark.sql("SELECT * FROM nowhere")
except Exception as e:
    print(f"skipped: {type(e).__name__}")
for name in ("a", "b"):
    spark.range(1).createOrReplaceTempView(f"own_{name}")
assert spark.catalog.tableExists("own_a")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

df.count()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
