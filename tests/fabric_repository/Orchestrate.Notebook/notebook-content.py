# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

%run Common

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert times(3) == 3 and common_runs == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# in another letter case, with parameters
%run common { "factor": 3, "label": "it's" }

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert times(3) == 9 and label == "it's" and common_runs == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%run "Helper Functions"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert helped(2) == 3 and common_runs == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%run ./Common

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%run /Shared/Common

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%run Trailing

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%run -b tool.py

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert ran_in.endswith('/Orchestrate.Notebook/builtin') and '__file__' not in globals()
from builtin.counting import plus_one
from pyspark.sql.functions import udf

assert spark.range(2).select(udf(plus_one, 'long')('id')).collect()[1][0] == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%run -b counted.sql

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("counted_by_a_file").first()[0] == 2
assert common_runs == 5

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import json

assert json.loads(mssparkutils.notebook.run('Child Load', 90, {'rows': 5})) == {'day': '2024-01-01', 'rows': 5}
assert json.loads(notebookutils.notebook.run(path='Child Load', timeout_seconds=90, arguments={'day': "o'day", 'useRootDefaultLakehouse': True})) == {
    'day': "o'day", 'rows': 1}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

dag = {
    'activities': [
        {'name': 'first', 'path': 'Child Load', 'timeoutPerCellInSeconds': 90, 'args': {'rows': 2}},
        {'name': 'second', 'path': 'Child Load', 'args': {'rows': 3}, 'dependencies': ['first'], 'retry': 1, 'retryIntervalInSeconds': 0},
    ],
    'timeoutInSeconds': 300,
    'concurrency': 2,
}
results = notebookutils.notebook.runMultiple(dag, {'displayDAGViaGraphviz': False})
assert [json.loads(results[name]['exitVal'])['rows'] for name in ('first', 'second')] == [2, 3]
assert results['first']['exception'] is None

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from notebookutils.common.exceptions import RunMultipleFailedException

try:
    mssparkutils.notebook.runMultiple({'activities': [{'name': 'bad', 'path': 'Child Load', 'args': {'fail': True}}]})
except RunMultipleFailedException as failed:
    assert 'it was told to fail' in str(failed.result['bad']['exception'])
else:
    raise AssertionError('a child that fails fails its caller')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.notebook.exit(f'{common_runs} times')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

1 / 0

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
