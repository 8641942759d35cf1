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

import pandas as pd
from pyspark.sql.functions import col, pandas_udf, udf
from pyspark.sql.types import IntegerType

FACTOR = 3


class Doubler:
    def __call__(self, n):
        return n * 2


def tripled(n: int) -> int:
    return n * FACTOR


triple = udf(tripled, IntegerType())
double = udf(Doubler().__call__, "int")
frame = spark.range(4).select(col("id").cast("int").alias("id"))
assert [tuple(row) for row in frame.select(triple("id"), double("id")).collect()][3] == (9, 6)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

@pandas_udf("double")
def half(values: pd.Series) -> pd.Series:
    return values / 2


assert frame.select(half("id").alias("h")).agg({"h": "sum"}).first()[0] == 3.0
spark.udf.register("tripled", tripled, "int")
assert spark.sql("SELECT tripled(5) AS n").first().n == 15
assert tripled.__annotations__["n"] is int

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

def spread(frames):
    for one in frames:
        yield one.assign(twice=one.id * 2)


assert frame.mapInPandas(spread, "id int, twice int").agg({"twice": "max"}).first()[0] == 6
assert sorted(sc.parallelize([1, 2, 3]).map(lambda n: n * FACTOR).collect()) == [3, 6, 9]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
