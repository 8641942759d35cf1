# Fabric notebook source (made by hand)

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# MARKDOWN ********************

# # Öfen & Bäckerei 🥖
#
# Nothing but Python, in **every** shape that the portal saves.

# CELL ********************

from pyspark.sql import functions as F

öfen = {"Nord": 3, "Süd": 4}  # 🥖
print("Öfen:", sum(öfen.values()))


# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************



# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# only a comment
# and one more

# CELL ********************

for name in öfen:
    öfen[name] += 1


öfen

# CELL ********************

assert _ == {"Nord": 4, "Süd": 5}, "the implicit last value"

# CELL ********************

rows = spark.range(4).withColumn("twice", F.col("id") * 2)
assert sc is spark.sparkContext
assert [row.twice for row in rows.collect()] == [0, 2, 4, 6]
rows.toPandas().twice.sum()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert _ == 12
import asyncio
await asyncio.sleep(0)
text = '''
# CELL ********
'''
assert len(text) == 17, len(text)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

rows.show(2)
rows.printSchema()
rows

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
