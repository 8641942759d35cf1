"""One engine for each kind of statement, with the same interface."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from py4j.protocol import Py4JError, Py4JNetworkError

from fabric_livy_magic.local.interpreters.outputs import CONTEXT_STOPPED, Output, error
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
JVM_END_WAIT_S = 2.0  # a broken connection mostly means that the JVM ended, which its watcher notices a moment later
JVM_END_WAIT_PYTHON_S = 0.3  # shorter: user code has its own connections, which can break, too
CONNECTION_LOST = (Py4JNetworkError, OSError)
CONNECTION_LOST_ENAMES = frozenset({"Py4JNetworkError", "ConnectionRefusedError", "ConnectionResetError"})
OF_STOPPED_CONTEXT = ("LiveListenerBus is stopped", "stopped SparkContext", "SparkContext was shut down")
CANNOT_START = "Fail to start interpreter"  # Livy's text
NO_R = "R is not part of the embedded Fabric. Use a pyspark, spark (Scala) or sql statement."


class Engine(Protocol):
    def run(self, code: str, group: str) -> Output:
        """Blocks until the code has ended. Raises JvmGone if the JVM ended meanwhile."""

    def interrupt(self) -> None:
        """Interrupts the running code. Called from other threads, and only during `run`."""

    def force_stop(self) -> None:
        """Called when the code still runs after the time-out of a cancel."""

    def clear_interrupt(self) -> None:
        """Called by the thread of `run` between statements, so that a late interrupt does not reach the next one."""

    def complete(self, code: str, cursor: int) -> list[str]:
        """Candidates before the cursor. Called from other threads, also during `run`."""


class Interpreter(Protocol):
    """SQL or Scala. `run` belongs to one thread."""

    needs_spark: bool

    def run(self, code: str, spark: Any) -> Output: ...
    def complete(self, code: str, cursor: int, spark: Any) -> list[str]: ...


class ReplSpark:
    """The SparkSession of a REPL; a new one after user code stopped the context and made another."""

    def __init__(self, spark: Any, current_session: Callable[[], Any | None]) -> None:
        self._current_session = current_session
        self._use(spark)

    def _use(self, spark: Any) -> None:
        self.session = spark
        self.context = spark.sparkContext()  # kept, so that each of its calls is one round trip to the JVM

    def usable(self) -> bool:
        """False while the context is stopped. One call to the JVM."""
        if not self.context.isStopped():
            return True
        spark = self._current_session()
        if spark is None:
            return False
        self._use(spark)
        return True


class PythonEngine:
    def __init__(self, jvm: Jvm, process: PythonProcess, spark: ReplSpark) -> None:
        self._jvm = jvm
        self._process = process
        self._spark = spark

    def run(self, code: str, group: str) -> Output:
        output = self._process.run(code, group)
        if output.get("ename") in CONNECTION_LOST_ENAMES and self._jvm.gone.wait(JVM_END_WAIT_PYTHON_S):
            raise JvmGone("the JVM ended while the statement ran")
        if output.pop("context_changed", False):
            # The next SQL or Scala statement checks again, and reports a failure.
            with contextlib.suppress(Py4JError, OSError):
                self._spark.usable()  # uses the new context, if there is one
        return output

    def interrupt(self) -> None:
        self._process.interrupt()

    def force_stop(self) -> None:
        self._process.kill("The statement went on after its cancel, so its Python process was ended.")

    def clear_interrupt(self) -> None:
        pass  # the process ignores interrupts between statements

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
                return self.cannot_start(CONTEXT_STOPPED)
            self._enter(group)
            return self.explained(self._interpreter.run(code, self._spark.session))
        except (Py4JError, OSError) as broken:
            if isinstance(broken, CONNECTION_LOST) and self._jvm.gone.wait(JVM_END_WAIT_S):
                raise JvmGone("the JVM ended while the statement ran") from broken
            return error("InterpreterError", str(broken))

    def _enter(self, group: str) -> None:
        if self._active is not self._spark.session:
            self._active = self._spark.session
            # What `SparkSession.builder.getOrCreate()` returns to code on this thread.
            self._jvm.view.org.apache.spark.sql.SparkSession.setActiveSession(self._active)
        self._spark.context.setJobGroup(group, f"statement {group}", True)

    def explained(self, output: Output) -> Output:
        """What Spark itself says of a context that was stopped is about listener buses and where it was made."""
        if output["status"] == "error" and any(words in output["evalue"] for words in OF_STOPPED_CONTEXT):
            return {**output, "evalue": f"{output['evalue']}\n{CONTEXT_STOPPED}"}
        return output

    def cannot_start(self, reason: str) -> Output:
        return error("InterpreterError", f"{CANNOT_START}: {reason}")

    def interrupt(self) -> None:
        if self._thread is not None:
            self._interrupted = True
            self._thread.interrupt()

    def force_stop(self) -> None:
        """`Thread.stop` is deprecated, because it may leave objects inconsistent; a session blocked forever would be worse."""
        if self._thread is not None:
            self._thread.stop()

    def clear_interrupt(self) -> None:
        if not self._interrupted:
            return
        self._interrupted = False
        try:
            self._jvm.view.java.lang.Thread.interrupted()
        except CONNECTION_LOST:
            if not self._jvm.gone.wait(JVM_END_WAIT_S):
                raise

    def complete(self, code: str, cursor: int) -> list[str]:
        try:
            return self._interpreter.complete(code, cursor, self._spark.session)
        except (Py4JError, OSError):
            return []  # the end of the JVM is noticed elsewhere


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
