# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "ef758a23-10c0-507e-9d60-42bb66253163",
# META       "default_lakehouse_name": "Bronze",
# META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
# META       "known_lakehouses": [
# META         {
# META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
# META         },
# META         {
# META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
# META         },
# META         {
# META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # Orders of the day
# From a file to a table 📦

# PARAMETERS CELL ********************

day = "2024-05-01"
rows = 3
verbose = False
limits = {"small": 10, "large": [20, 30]}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import os
import pandas as pd

folder = "/lakehouse/default/Files/ingest"
os.makedirs(folder, exist_ok=True)
frame = pd.DataFrame({"id": range(rows), "day": [day] * rows, "amount": [1.5 * n for n in range(rows)]})
frame.to_csv(f"{folder}/{day}.csv", index=False)
assert os.path.exists(f"/lakehouse/default/Files/ingest/{day}.csv")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from pyspark.sql.functions import col, lit, sum as total

orders = spark.read.option("header", True).option("inferSchema", True).csv(f"Files/ingest/{day}.csv")
assert dict(orders.dtypes)["amount"] == "double", orders.dtypes
orders.withColumn("loaded", lit(verbose)).write.mode("overwrite").option("overwriteSchema", "true").format("delta").saveAsTable("Bronze.orders")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("orders").count() == rows == spark.sql("SELECT * FROM Bronze.orders").count()
assert spark.read.format("delta").load("Tables/orders").agg(total("amount")).first()[0] == sum(1.5 * n for n in range(rows))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import json

mssparkutils.notebook.exit(json.dumps({"day": day, "rows": spark.table("Bronze.orders").count()}))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
