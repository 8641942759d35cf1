"""The four kinds of statements, each behind the same calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from py4j.protocol import Py4JError, Py4JNetworkError

from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.interpreters.python_process import PythonProcess
from fabric_livy_magic.local.interpreters.scala import ScalaInterpreter
from fabric_livy_magic.local.interpreters.sql import SqlInterpreter
from fabric_livy_magic.local.spark.jvm import Jvm, JvmGone
from fabric_livy_magic.local.spark.settings import SessionFolders

KINDS = {
    "pyspark": "pyspark",
    "python": "pyspark",
    "spark": "spark",
    "scala": "spark",
    "sql": "sql",
    "sparkr": "sparkr",
    "r": "sparkr",
}
GONE_WAIT_S = 2.0  # a broken connection is mostly the JVM's end, which its watcher sees a moment later
LOST = (Py4JNetworkError, OSError)
NO_R = "R is not part of the embedded Fabric. Use a pyspark, spark (Scala) or sql statement."


class Engine(Protocol):
    def run(self, code: str, group: str) -> Output:
        """Blocks until the code ended. Raises JvmGone when the JVM ended meanwhile."""

    def interrupt(self) -> None:
        """Ask the running code to stop. Called from other threads, and only while `run` is under way."""

    def give_up(self) -> None:
        """The code took no notice for the whole time that a cancel has: use the last means there is."""

    def settle(self) -> None:
        """Called by the thread of `run` between statements: an interrupt that came late must not hit the next one."""


class PythonEngine:
    def __init__(self, process: PythonProcess) -> None:
        self._process = process

    def run(self, code: str, group: str) -> Output:
        return self._process.run(code, group)

    def interrupt(self) -> None:
        self._process.interrupt()

    def give_up(self) -> None:
        self._process.kill("The statement went on after its cancel, so its Python process was ended.")

    def settle(self) -> None:
        pass  # the process itself takes no notice of signals between statements


class JvmEngine:
    """SQL or Scala, on the JVM thread that is pinned to the REPL's own thread."""

    def __init__(self, jvm: Jvm, spark: Any, interpreter: SqlInterpreter | ScalaInterpreter) -> None:
        self._jvm = jvm
        self._spark = spark
        self._interpreter = interpreter
        self._thread: Any = None

    def run(self, code: str, group: str) -> Output:
        try:
            if self._thread is None:
                self._thread = self._jvm.view.java.lang.Thread.currentThread()
                # What `SparkSession.builder.getOrCreate()` gives to code on this thread.
                self._jvm.view.org.apache.spark.sql.SparkSession.setActiveSession(self._spark)
            self._spark.sparkContext().setJobGroup(group, f"statement {group}", True)
            return self._interpreter.run(code)
        except (Py4JError, OSError) as broken:
            if isinstance(broken, LOST) and self._jvm.gone.wait(GONE_WAIT_S):
                raise JvmGone("the JVM ended while the statement ran") from broken
            return error("InterpreterError", str(broken))

    def interrupt(self) -> None:
        if self._thread is not None:
            self._thread.interrupt()

    def give_up(self) -> None:
        """`Thread.stop` is deprecated for what it may leave half done, and still better than a session blocked for good."""
        if self._thread is not None:
            self._thread.stop()

    def settle(self) -> None:
        if self._thread is None:
            return
        try:
            self._jvm.view.java.lang.Thread.interrupted()
        except LOST:
            if not self._jvm.gone.wait(GONE_WAIT_S):
                raise


class NoR:
    def run(self, code: str, group: str) -> Output:
        return error("Error", NO_R)

    def interrupt(self) -> None:
        pass

    def give_up(self) -> None:
        pass

    def settle(self) -> None:
        pass


def make_engines(
    jvm: Jvm, spark: Any, python: PythonProcess, folders: SessionFolders, repl_id: str, *, quirks: bool
) -> Mapping[str, Engine]:
    """Of one REPL, whose SparkSession `spark` is. With `quirks` they have Livy's bugs."""
    return {
        "pyspark": PythonEngine(python),
        "spark": JvmEngine(jvm, spark, ScalaInterpreter(jvm, spark, folders, repl_id)),
        "sql": JvmEngine(jvm, spark, SqlInterpreter(jvm, spark)),
        "sparkr": NoR(),
    }
