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

notebookutils.fs.put("Files/mounted/in/a.csv", "name,sold\nrye,7\n", True)
home = notebookutils.lakehouse.get().properties["abfsPath"]
mssparkutils.fs.mount(f"{home}/Files/mounted", "/fifty")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

local = mssparkutils.fs.getMountPath("/fifty")
with open(f"{local}/in/a.csv", encoding="utf-8") as opened:
    assert opened.read() == "name,sold\nrye,7\n"
import pandas as pd

assert pd.read_csv(f"{local}/in/a.csv").sold.sum() == 7
assert "/fifty" in [one.mountPoint for one in mssparkutils.fs.mounts()]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

mssparkutils.fs.unmount("/fifty")
assert "/fifty" not in [one.mountPoint for one in notebookutils.fs.mounts()]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
