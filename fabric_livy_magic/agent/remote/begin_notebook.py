"""Runs in a session of the embedded Fabric that several notebooks use in turn, before each of them but the first.

The names of the notebook before go, by `restartPython`. Raises where it has left no Spark.
"""


def _fabric_livy_begin(name):  # type: ignore[no-untyped-def]
    import notebookutils
    from notebookutils._context import session_context
    from pyspark import SparkContext

    if SparkContext._active_spark_context is None:
        raise RuntimeError("Spark was stopped")
    session_context().facts["notebook"] = {"name": name, "above": []}
    notebookutils.session.restartPython()
