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

context = mssparkutils.runtime.context
assert context["currentNotebookName"] == "Context And Tools", context
assert context.get("PipelineParentRunGuid") is None and context["activityId"]
assert context["defaultLakehouseName"] == "Silver"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import notebookutils as imported
from notebookutils import notebook as nb
from notebookutils.mssparkutils.credentials import getSecret

assert imported is notebookutils and nb is notebookutils.notebook and callable(getSecret)
names = {one.displayName for one in notebookutils.lakehouse.list()}
assert {"Bronze", "Silver", "Gold"} <= names, names
mssparkutils.env.getUserName()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.help()
notebookutils.fs.help("cp")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
