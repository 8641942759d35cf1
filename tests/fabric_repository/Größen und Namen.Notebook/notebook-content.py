# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

# As cron, containers and CI start it: without a locale. Fabric's sessions are in UTF-8.
import locale, os, subprocess, sys

names = ['sun.jnu.encoding', 'file.encoding']
assert [spark._jvm.System.getProperty(name) for name in names] == ['UTF-8', 'UTF-8']
assert str(spark._jvm.java.nio.charset.Charset.defaultCharset()) == 'UTF-8'
assert (sys.getfilesystemencoding(), sys.stdout.encoding.lower()) == ('utf-8', 'utf-8')
assert locale.getpreferredencoding(False).lower() == 'utf-8'
print('größer als ∅, 日本, 🦉')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

rows = [('Köln', 'größer'), ('東京', '🦉'), ('Łódź', 'ζ')]
places = spark.createDataFrame(rows, '`Straße` string, text string')
places.write.mode('overwrite').partitionBy('Straße').parquet('Files/Größen/日本.parquet')
read = spark.read.parquet('Files/Größen/日本.parquet')
assert sorted((row['Straße'], row['text']) for row in read.collect()) == sorted(rows)
folders = [entry.name for entry in notebookutils.fs.ls('Files/Größen/日本.parquet')]
assert sum('Stra' in name for name in folders) == 3, folders

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

places.coalesce(1).write.mode('overwrite').option('header', True).csv('Files/Größen/csv')
assert sorted(spark.read.option('header', True).csv('Files/Größen/csv').toPandas()['Straße']) == ['Köln', 'Łódź', '東京']
notebookutils.fs.put('Files/Größen/Ωmega 🦉.txt', 'naïve\nŁódź', True)
with open('/lakehouse/default/Files/Größen/Ωmega 🦉.txt') as file:
    assert file.read() == 'naïve\nŁódź'
assert [row.value for row in spark.read.text('Files/Größen/Ωmega 🦉.txt').collect()] == ['naïve', 'Łódź']
assert 'Ωmega 🦉.txt' in os.listdir('/lakehouse/default/Files/Größen')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
