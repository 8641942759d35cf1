# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "11111111-0000-4000-8000-000000000001",
# META       "default_lakehouse_name": "sales",
# META       "default_lakehouse_workspace_id": "22222222-0000-4000-8000-000000000002",
# META       "known_lakehouses": [
# META         {
# META           "id": "11111111-0000-4000-8000-000000000001"
# META         },
# META         {
# META           "id": "11111111-0000-4000-8000-000000000003"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

from notebookutils import mssparkutils
from notebookutils import notebook as nb

for file in mssparkutils.fs.ls('Files/in'):
    print(file.path)
notebookutils.runtime.context['currentWorkspaceId']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import notebookutils.mssparkutils.credentials as keys

keys.getSecret('vault', 'name')
nb.list()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import sempy.fabric as fabric
import asyncio, re

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

child = notebookutils.notebook.run('parameters', 90, {'limit': 3})
notebookutils.notebook.run(path='elsewhere')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.notebook.exit(child)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
