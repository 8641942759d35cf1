"""The four kinds of statements, each behind the same calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from py4j.protocol import Py4JError, Py4JNetworkError

from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.interpreters.python_process import PythonProcess
from fabric_livy_magic.local.spark.jvm import Jvm, JvmGone

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
GONE_WAIT_PYTHON_S = 0.3  # shorter: user code has connections of its own that can break
LOST = (Py4JNetworkError, OSError)
LOST_IN_PYTHON = frozenset({"Py4JNetworkError", "ConnectionRefusedError", "ConnectionResetError"})
CANNOT_START = "Fail to start interpreter"  # Livy's words
STOPPED = "the SparkContext was stopped. SparkSession.builder.getOrCreate() in a pyspark statement starts a new one."
NO_R = "R is not part of the embedded Fabric. Use a pyspark, spark (Scala) or sql statement."


class Engine(Protocol):
    def run(self, code: str, group: str) -> Output:
        """Blocks until the code ended. Raises JvmGone when the JVM ended meanwhile."""

    def interrupt(self) -> None:
        """Ask the running code to stop. Called from other threads, and only while `run` is under way."""

    def force_stop(self) -> None:
        """The code took no notice for the whole time that a cancel has: use the last means there is."""

    def clear_interrupt(self) -> None:
        """Called by the thread of `run` between statements: an interrupt that came late must not hit the next one."""

    def complete(self, code: str, cursor: int) -> list[str]:
        """Names that fit before the cursor. Called from other threads, also while `run` is under way."""


class Interpreter(Protocol):
    """SQL or Scala. `run` belongs to one thread."""

    needs_spark: bool

    def run(self, code: str, spark: Any) -> Output: ...
    def complete(self, code: str, cursor: int, spark: Any) -> list[str]: ...


class ReplSpark:
    """The SparkSession of a REPL: another one after user code stopped the context and made a new one."""

    def __init__(self, spark: Any, renewed: Callable[[], Any | None]) -> None:
        self._renewed = renewed
        self._take(spark)

    def _take(self, spark: Any) -> None:
        self.session = spark
        self.context = spark.sparkContext()  # kept: each of its calls is one trip to the JVM then

    def usable(self) -> bool:
        """False while the context is stopped. Costs a call of the JVM."""
        if not self.context.isStopped():
            return True
        spark = self._renewed()
        if spark is None:
            return False
        self._take(spark)
        return True


class PythonEngine:
    def __init__(self, jvm: Jvm, process: PythonProcess, spark: ReplSpark) -> None:
        self._jvm = jvm
        self._process = process
        self._spark = spark

    def run(self, code: str, group: str) -> Output:
        output = self._process.run(code, group)
        if output.get("ename") in LOST_IN_PYTHON and self._jvm.gone.wait(GONE_WAIT_PYTHON_S):
            raise JvmGone("the JVM ended while the statement ran")
        if output.pop("context_changed", False):
            with contextlib.suppress(Py4JError, OSError):  # the next statement of SQL or Scala looks again, and says so
                self._spark.usable()  # takes the new one, if there is one
        return output

    def interrupt(self) -> None:
        self._process.interrupt()

    def force_stop(self) -> None:
        self._process.kill("The statement went on after its cancel, so its Python process was ended.")

    def clear_interrupt(self) -> None:
        pass  # the process itself takes no notice of signals between statements

    def complete(self, code: str, cursor: int) -> list[str]:
        return []


class JvmEngine:
    """SQL or Scala, on the JVM thread that is pinned to the REPL's own thread."""

    def __init__(self, jvm: Jvm, spark: ReplSpark, interpreter: Interpreter) -> None:
        self._jvm = jvm
        self._spark = spark
        self._interpreter = interpreter
        self._thread: Any = None
        self._active: Any = None
        self._interrupted = False  # since the last statement

    def run(self, code: str, group: str) -> Output:
        try:
            if self._thread is None:
                self._thread = self._jvm.view.java.lang.Thread.currentThread()
            if not self._spark.usable() and self._interpreter.needs_spark:
                return self.cannot_start(STOPPED)
            self._enter(group)
            return self._interpreter.run(code, self._spark.session)
        except (Py4JError, OSError) as broken:
            if isinstance(broken, LOST) and self._jvm.gone.wait(GONE_WAIT_S):
                raise JvmGone("the JVM ended while the statement ran") from broken
            return error("InterpreterError", str(broken))

    def _enter(self, group: str) -> None:
        if self._active is not self._spark.session:
            self._active = self._spark.session
            # What `SparkSession.builder.getOrCreate()` gives to code on this thread.
            self._jvm.view.org.apache.spark.sql.SparkSession.setActiveSession(self._active)
        self._spark.context.setJobGroup(group, f"statement {group}", True)

    def cannot_start(self, reason: str) -> Output:
        return error("InterpreterError", f"{CANNOT_START}: {reason}")

    def interrupt(self) -> None:
        if self._thread is not None:
            self._interrupted = True
            self._thread.interrupt()

    def force_stop(self) -> None:
        """`Thread.stop` is deprecated for what it may leave half done, and still better than a session blocked for good."""
        if self._thread is not None:
            self._thread.stop()

    def clear_interrupt(self) -> None:
        if not self._interrupted:
            return
        self._interrupted = False
        try:
            self._jvm.view.java.lang.Thread.interrupted()
        except LOST:
            if not self._jvm.gone.wait(GONE_WAIT_S):
                raise

    def complete(self, code: str, cursor: int) -> list[str]:
        try:
            return self._interpreter.complete(code, cursor, self._spark.session)
        except (Py4JError, OSError):
            return []  # no compiler run, no candidates; the JVM's end is seen elsewhere


class NoR:
    def run(self, code: str, group: str) -> Output:
        return error("InterpreterError", f"{CANNOT_START}: {NO_R}")

    def interrupt(self) -> None:
        pass

    def force_stop(self) -> None:
        pass

    def clear_interrupt(self) -> None:
        pass

    def complete(self, code: str, cursor: int) -> list[str]:
        return []
