# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# MARKDOWN ********************

# # Rules that several notebooks share (`%run Trip Rules`)

# CELL ********************

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

FLOOR = 2.5  # no trip costs less


def typed(trips: DataFrame) -> DataFrame:
    """The texts of the CSV as numbers; what is none becomes null."""
    return trips.select(
        "day",
        F.col("zone_id").cast("int").alias("zone_id"),
        F.col("km").cast("double").alias("km"),
        F.col("fare").cast("double").alias("fare"),
    )


def is_valid() -> Column:
    return F.col("fare").isNotNull() & (F.col("fare") >= FLOOR) & (F.col("km") > 0)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
