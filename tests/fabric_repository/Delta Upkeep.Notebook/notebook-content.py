# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {}
# META   }
# META }

# MARKDOWN ********************

# # What keeps Delta tables in shape
# ![a dot](attachment:dot.png)

# ATTACHMENTS ********************

# ATTA {
# ATTA   "dot.png": {
# ATTA     "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# ATTA   }
# ATTA }

# CELL ********************

# MAGIC %%sql
# MAGIC -- it's a table; with a history
# MAGIC CREATE OR REPLACE TABLE upkeep (id INT, name STRING) USING DELTA;
# MAGIC INSERT INTO upkeep VALUES (1, 'rye; wheat'), (2, 'spelt'), (3, 'oats');
# MAGIC OPTIMIZE upkeep ZORDER BY (id);
# MAGIC DELETE FROM upkeep WHERE id = 3;
# MAGIC RESTORE TABLE upkeep TO VERSION AS OF 1;
# MAGIC CREATE OR REPLACE TABLE upkeep_clone SHALLOW CLONE upkeep;
# MAGIC VACUUM upkeep RETAIN 168 HOURS;
# MAGIC SELECT count(*) AS n FROM upkeep_clone

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from delta.tables import DeltaTable

assert spark.table("upkeep_clone").count() == 3
operations = {row.operation for row in DeltaTable.forName(spark, "upkeep").history().collect()}
assert {"WRITE", "DELETE", "OPTIMIZE", "RESTORE"} <= operations, operations

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

stream = spark.readStream.table("upkeep").writeStream.option("checkpointLocation", "Files/upkeep/checkpoint")
stream.trigger(availableNow=True).toTable("upkeep_copy").awaitTermination()
assert spark.table("upkeep_copy").count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.conf.get("trident.workspace.id") == notebookutils.runtime.context["currentWorkspaceId"]
assert spark.sparkContext._jsc.hadoopConfiguration().get("fs.defaultFS")
spark.sql("DROP TABLE upkeep_clone;")
notebookutils.notebook.exit(spark.table("upkeep").count())

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
