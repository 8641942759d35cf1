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

assert mssparkutils.notebook.run("Child Exit") == "1 "
assert notebookutils.notebook.run("Child Exit", 120, {"count": 3, "names": ["a", "it's"]}) == "3 a|it's"
assert notebookutils.notebook.run(path="Child Exit", timeout_seconds=120, arguments={"count": 2, "useRootDefaultLakehouse": True}) == "2 "

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

results = notebookutils.notebook.runMultiple(["Child Exit", "Child Load"])
assert results["Child Exit"]["exitVal"] == "1 " and results["Child Load"]["exception"] is None, results

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

dag = {
    "activities": [
        {"name": "load", "path": "Child Load", "timeoutPerCellInSeconds": 120, "args": {"rows": 2, "day": "2022-01-01"}},
        {"name": "end", "path": "Child Exit", "args": {"count": 7}, "dependencies": ["load"], "retry": 1, "retryIntervalInSeconds": 0},
    ],
    "timeoutInSeconds": 600,
    "concurrency": 2,
}
assert notebookutils.notebook.validateDAG(dag)
results = mssparkutils.notebook.runMultiple(dag, {"displayDAGViaGraphviz": False})
assert results["end"]["exitVal"] == "7 ", results
assert spark.table("child_2022").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

try:
    notebookutils.notebook.run("Child Load", 120, {"fail": True})
except Exception as problem:
    assert "it was told to fail" in str(problem), problem
else:
    raise AssertionError("a child that fails fails its caller")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
