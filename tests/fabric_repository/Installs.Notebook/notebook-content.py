# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

import sys
import zipfile
from pathlib import Path

def wheel(name, version, text):
    """A package without the network."""
    folder = Path.cwd() / "dist"
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file

first = wheel("crumbs", "1.0", "loaves = 1")
second = wheel("crumbs", "2.0", "loaves = 2")
third = wheel("seeds", "1.0", "kinds = ['poppy']")
for name in ("rolls", "buns", "tarts", "cakes"):
    wheel(name, "1.0", f"name = '{name}'")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# install what is needed
%pip install -q --no-index {first}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

!pip install --quiet --no-index {third}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import crumbs
import seeds

assert (crumbs.loaves, seeds.kinds) == (1, ['poppy'])

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# the workers of a UDF see it, each version in its turn
from pyspark.sql.functions import col, udf

def in_worker():
    @udf("int")
    def loaves(number):
        import crumbs
        return crumbs.loaves
    return [row[0] for row in spark.range(4).select(loaves(col("id"))).collect()]

assert in_worker() == [1] * 4

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%pip install --quiet --no-index --find-links dist crumbs==2.0

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert in_worker() == [2] * 4, "a worker keeps what it has imported"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

with open("requirements.txt", "w") as file:
    file.write("# what is needed\nbuns >= 1\n")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# IPython's automagic: by itself in a cell it needs no mark
pip install -q --no-index --find-links dist \
    rolls -r requirements.txt

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

!pip install -q --no-index --find-links dist cakes && echo baked

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import buns, cakes, rolls
import subprocess, sys
alone = subprocess.run([sys.executable, "-I", "-c", "import cakes"], capture_output=True, text=True)
assert "No module named 'cakes'" in alone.stderr, "the environment that sessions share has not changed"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.session.restartPython()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert 'first' not in globals() and 'crumbs' not in globals()
import crumbs
import seeds

assert crumbs.loaves == 2 and seeds.kinds, crumbs.__file__
assert spark.range(3).count() == 3
display(spark.range(1))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# notebooks that this one runs see it as well, and what they install is there afterwards
from pathlib import Path
found = notebookutils.notebook.run("Child Installs", 60, {"folder": str(Path.cwd() / "dist")})
assert found == "2, tarts 1.0", found
import tarts

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%pip list

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
