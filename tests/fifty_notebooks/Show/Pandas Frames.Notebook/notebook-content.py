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

import numpy as np
import pandas as pd

frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=4, freq="D"), "kind": ["a", "b", "a", None], "n": [1, 2, 3, 4]})
assert frame.groupby("kind").n.sum().to_dict() == {"a": 4, "b": 2}
assert frame.pivot_table(index="kind", values="n", aggfunc="mean").loc["a", "n"] == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

up = spark.createDataFrame(frame)
assert dict(up.dtypes) == {"day": "timestamp", "kind": "string", "n": "bigint"}, up.dtypes
up.write.mode("overwrite").saveAsTable("from_pandas")
back = spark.table("from_pandas").orderBy("n").toPandas()
assert back.n.tolist() == [1, 2, 3, 4] and back.kind[0] == "a" and back.day[3] == pd.Timestamp("2024-01-04")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

frame.to_parquet("/lakehouse/default/Files/from_pandas.parquet", coerce_timestamps="us")  # Spark reads no nanoseconds
assert spark.read.parquet("Files/from_pandas.parquet").count() == 4
assert np.isclose(frame.n.std(), 1.2909944)
frame.describe()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
