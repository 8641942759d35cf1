# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

# imports first, as in most notebooks
import json
from datetime import date

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# PARAMETERS CELL ********************

day = '2024-01-31'
kinds = ['rye', "it's"]
options = {'strict': True, 'floor': 0.5}
limit = None
strict = False
rows = 10
path = f'Files/{day}'
until = date.fromisoformat(day)
typed: int = 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert (rows, strict, limit, path) == (10, False, None, 'Files/2024-01-31')
assert until.year == 2024 and kinds[1] == "it's" and options['floor'] == 0.5 and typed == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.notebook.exit(json.dumps({'day': day, 'kinds': kinds}))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
