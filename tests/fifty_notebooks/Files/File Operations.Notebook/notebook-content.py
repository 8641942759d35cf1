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

from notebookutils import mssparkutils as tools

fs = tools.fs
if fs.exists("Files/ops"):
    fs.rm("Files/ops", True)
fs.mkdirs("Files/ops/in")
fs.put("Files/ops/in/a.txt", "one\n", True)
fs.append("Files/ops/in/a.txt", "two\n", True)
assert fs.head("Files/ops/in/a.txt", 3) == "one"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

fs.cp("Files/ops/in", "Files/ops/copy", True)
fs.mv("Files/ops/copy/a.txt", "Files/ops/moved/b.txt", True)
(found,) = fs.ls("Files/ops/moved")
assert (found.name, found.size, found.isFile, found.isDir) == ("b.txt", 8, True, False)
assert found.path.endswith("/Files/ops/moved/b.txt") and found.path.startswith("abfss://"), found.path
assert sorted(one.name for one in fs.ls("Files/ops") if one.isDir) == ["copy", "in", "moved"]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import glob
import os

assert glob.glob("/lakehouse/default/Files/ops/*/b.txt") == ["/lakehouse/default/Files/ops/moved/b.txt"]
assert os.listdir("/lakehouse/default/Files/ops/in") == ["a.txt"]
assert os.path.getsize("/lakehouse/default/Files/ops/in/a.txt") == 8
lines = spark.read.text("Files/ops/in")
assert [row.value for row in lines.collect()] == ["one", "two"]
fs.rm("Files/ops", recurse=True)
assert not fs.exists("Files/ops")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
