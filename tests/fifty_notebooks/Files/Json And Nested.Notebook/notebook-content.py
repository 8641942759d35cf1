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

import json

records = [{"id": 1, "tags": ["a", "b"], "at": {"city": "Köln", "geo": [50.9, 6.9]}}, {"id": 2, "tags": [], "at": None}]
notebookutils.fs.put("Files/nested/records.json", json.dumps(records, ensure_ascii=False), True)
frame = spark.read.option("multiline", "true").json("Files/nested/records.json")
assert frame.count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from pyspark.sql.functions import col, explode, from_json, get_json_object, schema_of_json, size, to_json
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

assert [row.tag for row in frame.select(explode("tags").alias("tag")).collect()] == ["a", "b"]
assert frame.where(col("at.city") == "Köln").select(col("at.geo")[0].alias("lat")).first().lat == 50.9
schema = StructType([StructField("x", ArrayType(StringType()))])
parsed = spark.createDataFrame([('{"x": ["1"]}',)], "raw string").select(from_json("raw", schema).alias("p"))
assert parsed.select(size("p.x").alias("n")).first().n == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

frame.printSchema()
frame.show(truncate=False)
display(frame)
frame.write.mode("overwrite").json("Files/nested/lines")
assert spark.read.json("Files/nested/lines").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
