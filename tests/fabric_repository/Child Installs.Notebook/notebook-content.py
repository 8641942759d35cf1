# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# PARAMETERS CELL ********************

folder = ""

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# run by Installs, which has installed crumbs; by itself it has nothing to install from
import importlib.util
if importlib.util.find_spec("crumbs") is None:
    notebookutils.notebook.exit("alone")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%pip install -q --no-index --find-links {folder} tarts

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import crumbs, tarts
from importlib.metadata import version
from pyspark.sql.functions import udf

loaves = spark.range(2).select(udf(lambda number: __import__("crumbs").loaves, "int")("id")).distinct().collect()
assert [row[0] for row in loaves] == [2]
!pip install -q --no-index --find-links {folder} tarts
notebookutils.notebook.exit(f"{crumbs.loaves}, {tarts.name} {version('tarts')}")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

