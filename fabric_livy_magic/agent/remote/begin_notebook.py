"""Runs in a session of the embedded Fabric that several notebooks share, before each but the first.

`restartPython` deletes the names of the previous notebook. Raises if that has stopped Spark.
"""


def _fabric_livy_begin(name):  # type: ignore[no-untyped-def]
    import notebookutils
    from notebookutils._context import session_context
    from pyspark import SparkContext

    if SparkContext._active_spark_context is None:
        raise RuntimeError("Spark was stopped")
    session_context().facts["notebook"] = {"name": name, "above": []}
    notebookutils.session.restartPython()
