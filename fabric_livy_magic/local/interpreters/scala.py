"""Scala's own interpreter (`scala.tools.nsc.interpreter.IMain`) inside the session's JVM. `scala_cells` runs a cell on it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from importlib.metadata import version
from typing import Any

from py4j.java_gateway import JavaClass
from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.interpreters import live_scala, scala_magics
from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.interpreters.scala_cells import FAILED, INCOMPLETE, ByLines, ByStatements
from fabric_livy_magic.local.interpreters.sql import java_error
from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.jvm import Jvm
from fabric_livy_magic.local.spark.scala_classes import compile_scala_classes, scala_classes
from fabric_livy_magic.local.spark.settings import SessionFolders
from fabric_livy_magic.local.spark.submit import spark_home

COMPLETION_TIMEOUT_S = 1.0
LINES_OF_REPL = 50_000  # a compiler that has seen so many would have filled the memory
# What Livy's shell imports, and Fabric's `display`. In one line, because each line is one compiler run.
IMPORTS = (
    "import org.apache.spark.SparkContext._, spark.implicits._, spark.sql, org.apache.spark.sql.functions._; "
    "def display(value: Any): Unit = value match { "
    "case frame: org.apache.spark.sql.Dataset[_] => frame.show(); case other => println(other) }"
)


class ScalaInterpreter:
    """Started at its first use, which takes seconds. `run` is for one thread, `complete` for any."""

    needs_spark = False
    class_name = "CellInterpreter"  # ours, of `local/spark/scala`

    def __init__(self, jvm: Jvm, folders: SessionFolders) -> None:
        self._jvm = jvm
        self._folders = folders
        self._compiler_lock = threading.Lock()  # the compiler is for one thread at a time
        self._imain: Any = None
        self._bound_session: Any = None  # the SparkSession that `spark` is bound to
        self._thread: Any = None
        self._reads_cells = False

    def run(self, code: str, spark: Any) -> Output:
        with self._compiler_lock:
            try:
                self._enter(spark)
                code, channel = live_scala.channel_of(code)
                with live_scala.written(self, channel):
                    return (ByStatements if self._reads_cells else ByLines)(self).run(code)
            except Py4JJavaError as failure:
                return java_error(self._jvm, failure)

    # ---- called by `scala_cells` and `live_scala`

    def interpret(self, text: str) -> str:
        verdict: str = self._imain.interpret(text).toString()
        return verdict

    def read(self, code: str, line: int) -> int | str:
        """How many statements it has, for `run_statement`; of code that does not parse INCOMPLETE or FAILED."""
        count = int(self._imain.read(code, line))
        return count if count >= 0 else {-1: INCOMPLETE}.get(count, FAILED)

    def run_statement(self, index: int) -> str:
        verdict: str = self._imain.run(index)
        return verdict

    def failed_line(self) -> int:
        """The line of the cell at which the statement that ran last threw an exception, from 1; 0 if it threw none."""
        return int(self._imain.failedLine())

    def output_size(self) -> int:
        return int(self._buffer.size())

    def output(self, begin: int, end: int | None = None) -> str:
        """The output of the statement so far, or a part of it; `begin` and `end` count as `output_size` does."""
        self._writer.flush()
        if not begin and end is None:
            whole: str = self._buffer.toString("UTF-8")
            return whole
        return bytes(self._buffer.toByteArray())[begin:end].decode("utf-8", errors="replace")

    def output_bytes(self) -> bytes:
        self._writer.flush()
        return bytes(self._buffer.toByteArray())

    def print_line(self, line: str) -> None:
        """To the standard output of the JVM."""
        self._jvm.view.java.lang.System.out.println(line)

    def failed(self, ename: str, evalue: str, traceback: list[str], printed: str) -> Output:
        return error(ename, evalue, traceback, printed)

    def run_magic(self, name: str, argument: str, *, has_value: bool) -> Output:
        if name not in scala_magics.MAGICS:
            return scala_magics.unknown_magic(name)
        try:
            text = self._last_value() if has_value else None
        except Py4JJavaError:
            return scala_magics.no_json()
        return scala_magics.no_value(argument) if text is None else scala_magics.magic_output(name, json.loads(text))

    def _last_value(self) -> str | None:
        """The value of the last line as JSON; of an RDD the first items. None for null, Unit and lines without a value.

        It stays in the JVM, inside an Option: py4j would turn a BigDecimal into an int.
        """
        result = self._imain.lastRequest().lineRep().callEither("$result", self._seq([]))
        if result.isLeft():
            return None
        view, held = self._jvm.view, result.toOption()
        value = held.get()
        if value is None:
            return None
        if view.py4j.reflection.TypeUtil.isInstanceOf("org.apache.spark.rdd.RDD", value):
            held = value.take(scala_magics.ROWS_OF_RDD)
        json4s = view.org.json4s
        tree = json4s.Extraction.decompose(held, scala_object(json4s, "DefaultFormats"))
        text: str = scala_object(json4s.jackson, "JsonMethods").compact(tree)
        return text

    # ---- completion

    def complete(self, code: str, cursor: int, spark: Any) -> list[str]:
        """Whole names for the code before `cursor`; none if a statement runs for COMPLETION_TIMEOUT_S."""
        if not self._compiler_lock.acquire(timeout=COMPLETION_TIMEOUT_S):
            return []
        try:
            self._start_once(spark)
            return self._candidates(code, cursor)
        finally:
            self._compiler_lock.release()

    def _candidates(self, code: str, cursor: int) -> list[str]:
        interpreter = self._jvm.view.scala.tools.nsc.interpreter
        if self._is_212():
            found = interpreter.PresentationCompilerCompleter(self._imain).complete(code, cursor).candidates()
            names: str = found.mkString("\n")
            return names.split("\n") if names else []
        completion = interpreter.shell.ReplCompletion(self._imain, interpreter.shell.Accumulator())
        found = completion.complete(code, cursor, True).candidates()
        overloads = [str(found.apply(index).name()) for index in range(found.length())]
        return list(dict.fromkeys(overloads))

    # ---- start

    def _enter(self, spark: Any) -> None:
        """Prepares the thread and the buffer for a statement.

        Case classes of earlier lines are found through the thread's class loader (Spark's OuterScopes).
        """
        self._start_once(spark)
        if self._thread is None:
            self._thread = self._jvm.view.java.lang.Thread.currentThread()
            self._close_input()
        self._thread.setContextClassLoader(self._class_loader)
        self._console.setOutDirect(self._stream)
        if spark is not self._bound_session:
            self._bind(spark)
        self._buffer.reset()

    def _close_input(self) -> None:
        """Without this `StdIn.readLine()` waits for the input of the JVM forever."""
        java = self._jvm.view.java.io
        self._console.setInDirect(java.BufferedReader(java.StringReader("")))

    def _start_once(self, spark: Any) -> None:
        if self._imain is None:
            self._start(spark)

    def _start(self, spark: Any) -> None:
        view = self._jvm.view
        settings = view.scala.tools.nsc.Settings()
        options = ["-usejavacp", "-Yrepl-class-based", "-Yrepl-outdir", str(self._folders.classes)]
        settings.processArguments(self._seq(options), True)
        # A class of a line is loaded once: by the class loader that executors use, too, or their objects would be of another class.
        getattr(settings, "explicitParentLoader_$eq")(view.scala.Some(self._jvm.class_loader))
        self._buffer = view.java.io.ByteArrayOutputStream()
        self._writer = view.java.io.PrintWriter(view.java.io.OutputStreamWriter(self._buffer, "UTF-8"), True)
        self._stream = view.java.io.PrintStream(self._buffer, True, "UTF-8")
        self._console = scala_object(view.scala, "Console")
        imain = self._make_imain(settings)
        self._class_loader = imain.classLoader()
        view.java.lang.Thread.currentThread().setContextClassLoader(self._class_loader)
        self._imain = imain
        self._number_lines()
        self._bind(spark)

    def _bind(self, spark: Any) -> None:
        transient = self._seq(["@transient"])
        self._imain.bind("spark", "org.apache.spark.sql.SparkSession", spark, transient)
        self._imain.bind("sc", "org.apache.spark.SparkContext", spark.sparkContext(), transient)
        self._imain.interpret(IMPORTS)
        self._bound_session = spark

    def _number_lines(self) -> None:
        """Each line becomes a class, `$line3.$read`. Interpreters of one application share these classes, also those of sessions that share
        it, so each has numbers of its own: else a line would be what another session ran under its number.
        (A prefix of its own is not to be had: Scala reads that from a system property for each line, and Spark finds the instance
        of a case class by `$line` and digits.) In Scala 2.12 the number is held by a function, which is called until it is
        high enough: some 10 ms a million.
        """
        count, naming = next(self._jvm.scala_numbers) * LINES_OF_REPL, self._imain.naming()
        if self._is_212():
            scala_object(self._jvm.view.scala.collection, "Iterator").fill(count, naming.freshLineId()).length()
        else:
            getattr(naming, "scala$tools$nsc$interpreter$Naming$$_freshLineId_$eq")(count)

    def _is_212(self) -> bool:
        """Spark 3 comes with Scala 2.12, Spark 4 with 2.13."""
        version: str = self._jvm.view.scala.util.Properties.versionNumberString()
        return version.startswith("2.12.")

    def _make_imain(self, settings: Any) -> Any:
        own_class = self._own_class()
        self._reads_cells = own_class is not None and self.class_name == "CellInterpreter"
        imain = own_class(settings, self._writer) if own_class else self._scalas_own(settings)
        if self._is_212():
            imain.initializeSynchronous()
        else:
            imain.initializeCompiler()
        return imain

    def _scalas_own(self, settings: Any) -> Any:
        """The interpreter of Scala 2.13 needs a reporter object."""
        interpreter = self._jvm.view.scala.tools.nsc.interpreter
        if self._is_212():
            return interpreter.IMain(settings, self._writer)
        return interpreter.IMain(settings, interpreter.shell.ReplReporterImpl(settings, self._writer))

    def _own_class(self) -> JavaClass | None:
        """None if this Scala's compiler refuses its source. The first Scala statement on a machine waits until it is compiled."""
        if not isinstance(self._class_of_ours(), JavaClass):
            jars = spark_home() / "jars"
            with contextlib.suppress(OSError, subprocess.SubprocessError):  # without it cells run line by line
                compile_scala_classes(find_java(version("pyspark")), jars)
            for jar in scala_classes(jars):
                self._jvm.add_to_class_path(jar)
        found = self._class_of_ours()
        return found if isinstance(found, JavaClass) else None

    def _class_of_ours(self) -> Any:
        """py4j gives a package if there is no such class."""
        return getattr(self._jvm.view.fabric_livy_magic.local, self.class_name)

    def _seq(self, items: list[str]) -> Any:
        return self._jvm.view.org.apache.spark.api.python.PythonUtils.toSeq(items).toList()


def scala_object(package: Any, name: str) -> Any:
    """The instance of a Scala `object`."""
    return getattr(getattr(package, f"{name}$"), "MODULE$")
