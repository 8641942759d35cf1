"""Engines for SQL, Scala and Python with Livy's bugs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from py4j.protocol import Py4JError

from fabric_livy_magic.local.interpreters.engines import CANNOT_START, Engine, JvmEngine, NoR, PythonEngine, ReplSpark
from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.interpreters.python_process import PythonProcess
from fabric_livy_magic.local.interpreters.scala import ScalaInterpreter
from fabric_livy_magic.local.interpreters.sql import SqlInterpreter
from fabric_livy_magic.local.interpreters.sqlcells import DAY_INTERVALS, MONTH_INTERVALS
from fabric_livy_magic.local.spark.jvm import Jvm
from fabric_livy_magic.local.spark.settings import SessionFolders

# Fields that Livy's JSON library reads by reflection, which Java 17 refuses.
CLOSED_FIELDS = {
    "timestamp_ntz": ("java.time.LocalDateTime", "date"),
    **dict.fromkeys(DAY_INTERVALS, ("java.time.Duration", "seconds")),
    **dict.fromkeys(MONTH_INTERVALS, ("java.time.Period", "years")),
}


class LivySqlInterpreter(SqlInterpreter):
    def run(self, code: str, spark: Any) -> Output:
        self.needs_spark = False  # Livy checks the context at the interpreter's start only
        return super().run(code, spark)

    def _rows(self, frame: Any, schema: Mapping[str, Any]) -> Iterable[Any]:
        rows = list(super()._rows(frame, schema))
        for index, field in enumerate(schema["fields"]):
            kind = field["type"]
            if isinstance(kind, str) and kind in CLOSED_FIELDS and any(row[index] is not None for row in rows):
                self._read_closed(*CLOSED_FIELDS[kind])
        return rows

    def _read_closed(self, class_name: str, field: str) -> None:
        """Raises the JVM's own exception."""
        self._jvm.view.java.lang.Class.forName(class_name).getDeclaredField(field).setAccessible(True)


class LivyScalaInterpreter(ScalaInterpreter):
    class_name = "LineInterpreter"

    def failed(self, ename: str, evalue: str, traceback: list[str], printed: str) -> Output:
        return super().failed(ename, evalue, traceback, "")

    def _close_input(self) -> None:
        pass  # `StdIn.readLine()` waits forever


class LivyReplSpark(ReplSpark):
    """In Livy nothing of SQL exists before the first query, so that one after a stop fails where it would begin: `LiveListenerBus is
    stopped.` Ours has a catalog and settings from its start. So then another session stands in, which is as Livy's."""

    def __init__(self, jvm: Jvm, spark: Any) -> None:
        super().__init__(spark, lambda: None)  # a context that was stopped is never replaced
        self._untouched = jvm.class_of(spark)(self.context)  # now: a stopped context makes none
        self._queries = spark.sharedState().statusStore()
        self._queries_at_start = self._queries.executionsCount()  # our own, of the catalog
        self._is_touched = False

    def usable(self) -> bool:
        self.look_for_queries()
        if super().usable():
            return True
        if not self._is_touched:
            self._use(self._untouched)
        return False

    def look_for_queries(self) -> None:
        """A context that was stopped has forgotten them, so after each statement."""
        if not self._is_touched:
            self._is_touched = self._queries.executionsCount() > self._queries_at_start


class LivyPythonEngine(PythonEngine):
    """A cancel ends Spark's jobs, but does not interrupt the code."""

    def __init__(self, jvm: Jvm, process: PythonProcess, spark: LivyReplSpark) -> None:
        super().__init__(jvm, process, spark)
        self._livy_spark = spark

    def run(self, code: str, group: str) -> Output:
        output = super().run(code, group)
        with contextlib.suppress(Py4JError, OSError):
            self._livy_spark.look_for_queries()
        return output

    def interrupt(self) -> None:
        pass

    def force_stop(self) -> None:
        pass


class LivyJvmEngine(JvmEngine):
    def interrupt(self) -> None:
        pass

    def force_stop(self) -> None:
        pass

    def cannot_start(self, reason: str) -> Output:
        return error("InterpreterError", CANNOT_START)

    def explained(self, output: Output) -> Output:
        return output


class LivyNoR(NoR):
    def run(self, code: str, group: str) -> Output:
        return error("InterpreterError", CANNOT_START)


def livy_engines(jvm: Jvm, session: Any, python: PythonProcess, folders: SessionFolders) -> Mapping[str, Engine]:
    spark = LivyReplSpark(jvm, session)
    return {
        "pyspark": LivyPythonEngine(jvm, python, spark),
        "spark": LivyJvmEngine(jvm, spark, LivyScalaInterpreter(jvm, folders)),
        "sql": LivyJvmEngine(jvm, spark, LivySqlInterpreter(jvm)),
        "sparkr": LivyNoR(),
    }
