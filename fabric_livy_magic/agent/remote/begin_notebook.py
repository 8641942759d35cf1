"""Runs in a session of the embedded Fabric that several notebooks share, before each but the first.

`restartPython` deletes the names of the previous notebook. Raises if that has stopped Spark.
"""


def _fabric_livy_begin(name, file, resources):  # type: ignore[no-untyped-def]
    """`file` holds the notebook; `resources` is its own `builtin` folder, if it has one."""
    import shutil
    from pathlib import Path

    import notebookutils
    from notebookutils._context import session_context
    from pyspark import SparkContext

    if SparkContext._active_spark_context is None:
        raise RuntimeError("Spark was stopped")
    session_context().facts["notebook"] = {"name": name, "file": file, "above": []}
    builtin = Path(notebookutils.nbResPath, "builtin")
    if builtin.is_symlink():
        builtin.unlink()  # the folder of the previous notebook's repository stays
    else:
        shutil.rmtree(builtin)
    if resources is None:
        builtin.mkdir()
    else:
        builtin.symlink_to(resources, target_is_directory=True)
    notebookutils.session.restartPython()
