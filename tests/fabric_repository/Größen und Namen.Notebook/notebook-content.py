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

# CELL ********************

places.write.mode('overwrite').saveAsTable('orte')
assert spark.table('orte').where("`Straße` = 'Köln'").count() == 1
assert spark.table('orte').columns == ['Straße', 'text']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SELECT `Straße` AS `Größe ∅` FROM orte WHERE text = '🦉'

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from pyspark.sql.functions import udf

def in_worker(text):
    import sys
    print('auf dem Weg: ß', file=sys.stderr)
    with open('/tmp/größe %d ß.txt' % os.getpid(), 'w') as file:
        file.write(text)
    with open(file.name, 'rb') as file:
        raw = file.read()
    os.remove(file.name)
    return raw.decode('utf-8') + ' ' + sys.getfilesystemencoding()

assert [row[0] for row in places.select(udf(in_worker)('text')).collect()] == ['größer utf-8', '🦉 utf-8', 'ζ utf-8']
echoed = subprocess.run([sys.executable, '-c', "print('größer ∅')"], capture_output=True, check=True).stdout
assert echoed.decode('utf-8') == 'größer ∅' + os.linesep

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%spark
# MAGIC val größe = "größer ∅ 🦉"
# MAGIC println(größe)
# MAGIC assert(größe.getBytes().length == größe.getBytes("UTF-8").length)
# MAGIC val folder = java.nio.file.Files.createTempDirectory("größe ß")
# MAGIC val file = folder.resolve("日本 ∅.txt")
# MAGIC java.nio.file.Files.write(file, größe.getBytes)
# MAGIC assert(new java.io.File(folder.toString).list.toSeq == Seq("日本 ∅.txt"))
# MAGIC assert(scala.io.Source.fromFile(file.toString).mkString == größe)
# MAGIC assert(spark.table("orte").filter("text = '🦉'").count == 1)

# METADATA ********************

# META {
# META   "language": "scala",
# META   "language_group": "synapse_pyspark"
# META }
