# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

frame = spark.createDataFrame([(1, 'a'), (2, 'b')], 'id int, kind string')
frame.write.mode('overwrite').format('avro').save('Files/sources/kinds.avro')
read = spark.read.format('avro').load('Files/sources/kinds.avro')
assert sorted(map(tuple, read.collect())) == [(1, 'a'), (2, 'b')]

from pyspark.sql.avro.functions import from_avro, to_avro
from pyspark.sql.functions import col, struct

schema = '{"type": "record", "name": "r", "fields": [{"name": "id", "type": "int"}, {"name": "kind", "type": "string"}]}'
packed = frame.select(to_avro(struct('id', 'kind'), schema).alias('v'))
assert packed.select(from_avro('v', schema).alias('r')).select('r.kind').count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SELECT assert_true(count(*) = 2) FROM avro.`Files/sources/kinds.avro`

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.fs.put('Files/sources/kinds.xml', '<all><row><id>1</id><kind>ä</kind></row><row><id>2</id><kind>b</kind></row></all>', True)
for name in ('xml', 'com.databricks.spark.xml'):
    read = spark.read.format(name).option('rowTag', 'row').load('Files/sources/kinds.xml')
    assert sorted(map(tuple, read.select('id', 'kind').collect())) == [(1, 'ä'), (2, 'b')], name

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%spark
# MAGIC assert(spark.read.format("avro").load("Files/sources/kinds.avro").count() == 2)
# MAGIC assert(spark.read.format("xml").option("rowTag", "row").load("Files/sources/kinds.xml").count() == 2)

# METADATA ********************

# META {
# META   "language": "scala",
# META   "language_group": "synapse_pyspark"
# META }
