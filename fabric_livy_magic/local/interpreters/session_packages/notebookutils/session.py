"""The session itself: ending its Spark, and beginning anew with Python."""

from __future__ import annotations

import sys
from typing import Any, Dict

from notebookutils import _help
from notebookutils._context import session_context
from notebookutils._errors import PythonRestarted, SessionStopped

SHELLS = (
    "spark",
    "sc",
    "sqlContext",
    "HiveContext",
    "StreamingContext",
    "cloudpickle",
    "notebookutils",
    "mssparkutils",
)
INSTALLED = "session-packages"  # how the folder of `%pip install` is called


def stop(detach: bool = True) -> None:
    """Stops the session's Spark and ends the notebook: nothing below it runs, in this cell or in later ones. The notebook's own
    front end stops the session then; any other session ends when it has been idle. A notebook that runs for another one leaves
    the Spark that they share, and goes on."""
    if (session_context().facts.get("notebook") or {}).get("above"):
        print("The Spark session goes on: it is that of the notebook that runs this one.")
        return
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if context is not None:
        context.stop()
    raise SessionStopped("The notebook has stopped its session: its Spark and its temporary views are gone.")


def restartPython() -> None:
    """Forgets the variables, and the modules that `%pip install` brought, so that the next import finds new ones. What is below
    it in the cell does not run.

    Spark and its temporary views stay. The process stays, too: a library in C that is loaded already is not exchanged.
    """
    kept = {name: value for name, value in vars(sys.modules["__main__"]).items() if name in SHELLS or name[:2] == "__"}
    names = vars(sys.modules["__main__"])
    names.clear()
    names.update(kept)
    names.update(_own_names())
    for name, module in list(sys.modules.items()):
        if INSTALLED in str(getattr(module, "__file__", None) or ""):
            del sys.modules[name]
    raise PythonRestarted("Python was restarted: the variables are gone, and what %pip installed is imported anew.")


def _own_names() -> Dict[str, Any]:
    """What the session began with, also where the notebook has used such a name for something else."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    found = {
        "spark": SparkSession._instantiatedSession,
        "sc": SparkContext._active_spark_context,
        **{name: sys.modules.get(name) for name in ("notebookutils", "mssparkutils")},
    }
    return {name: value for name, value in found.items() if value is not None}


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
