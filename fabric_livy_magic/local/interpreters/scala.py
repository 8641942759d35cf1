"""Scala statements: Scala's own interpreter (`scala.tools.nsc.interpreter.IMain`) inside the session's JVM.

The code is run line by line as in Livy (AbstractSparkInterpreter.scala): an incomplete line is joined with the next one and
tried again; code that is incomplete at the end is tried once more inside braces, for trailing comments.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from py4j.java_gateway import JavaClass
from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.interpreters import scala_magics
from fabric_livy_magic.local.interpreters.outputs import Output, error, ok
from fabric_livy_magic.local.interpreters.sql import java_error
from fabric_livy_magic.local.spark.jvm import Jvm
from fabric_livy_magic.local.spark.settings import SessionFolders

COMPLETION_TIMEOUT_S = 1.0
SUCCESS, INCOMPLETE, FAILED = "Success", "Incomplete", "Error"
# What Livy's shell imports, and Fabric's `display`. In one line, because each line is one compiler run.
IMPORTS = (
    "import org.apache.spark.SparkContext._, spark.implicits._, spark.sql, org.apache.spark.sql.functions._; "
    "def display(value: Any): Unit = value match { "
    "case frame: org.apache.spark.sql.Dataset[_] => frame.show(); case other => println(other) }"
)


def run_lines(code: str, interpret: Callable[[str], str], is_only_comments: Callable[[str], bool]) -> str:
    """Runs `code` line by line; returns the last verdict: Success, Incomplete or Error. Stops at the first error.

    `is_only_comments` is called for code that is incomplete at the end: comments are, and they are no error.
    """
    lines = code.strip().split("\n")
    pending = ""
    for index, line in enumerate(lines):
        pending = f"{pending}\n{line}" if pending else line
        verdict = interpret(pending)
        if verdict == INCOMPLETE:
            if index == len(lines) - 1 and not is_only_comments(pending):
                return INCOMPLETE
            continue
        if verdict != SUCCESS:
            return verdict
        pending = ""
    return SUCCESS


class ScalaInterpreter:
    """Started at its first use, which takes seconds. `run` is for one thread, `complete` for any."""

    needs_spark = False

    def __init__(self, jvm: Jvm, folders: SessionFolders, repl_id: str = "") -> None:
        self._jvm = jvm
        self._repl_id = repl_id
        self._folders = folders
        self._compiler_lock = threading.Lock()  # the compiler is for one thread at a time
        self._imain: Any = None
        self._bound_session: Any = None  # the SparkSession that `spark` is bound to
        self._thread: Any = None

    def run(self, code: str, spark: Any) -> Output:
        with self._compiler_lock:
            try:
                self._enter(spark)
                return Cell(self).run(code)
            except Py4JJavaError as failure:
                return java_error(self._jvm, failure)

    # ---- called by Cell

    def interpret(self, text: str) -> str:
        verdict: str = self._imain.interpret(text).toString()
        return verdict

    def output_size(self) -> int:
        return int(self._buffer.size())

    def output(self, begin: int, end: int | None = None) -> str:
        """The output of the statement so far, or a part of it; `begin` and `end` count as `output_size` does."""
        self._writer.flush()
        if not begin and end is None:
            whole: str = self._buffer.toString("UTF-8")
            return whole
        return bytes(self._buffer.toByteArray())[begin:end].decode("utf-8", errors="replace")

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
        self._buffer = view.java.io.ByteArrayOutputStream()
        self._writer = view.java.io.PrintWriter(view.java.io.OutputStreamWriter(self._buffer, "UTF-8"), True)
        self._stream = view.java.io.PrintStream(self._buffer, True, "UTF-8")
        self._console = scala_object(view.scala, "Console")
        with self._jvm.scala_naming_lock:
            self._set_line_prefix()
            imain = self._make_imain(settings)
        self._class_loader = imain.classLoader()
        view.java.lang.Thread.currentThread().setContextClassLoader(self._class_loader)
        self._imain = imain
        self._bind(spark)

    def _bind(self, spark: Any) -> None:
        transient = self._seq(["@transient"])
        self._imain.bind("spark", "org.apache.spark.sql.SparkSession", spark, transient)
        self._imain.bind("sc", "org.apache.spark.SparkContext", spark.sparkContext(), transient)
        self._imain.interpret(IMPORTS)
        self._bound_session = spark

    def _set_line_prefix(self) -> None:
        """Each line becomes a class, `$line3.$read`. REPLs of one application share the folder of these classes, and the classes
        that executors have loaded, so each REPL needs its own names. Scala reads the property when the interpreter starts.
        """
        line = f"$line{self._repl_id.replace('-', '')}_" if self._repl_id else "$line"
        self._jvm.view.java.lang.System.setProperty("scala.repl.name.line", line)

    def _is_212(self) -> bool:
        """Spark 3 comes with Scala 2.12, Spark 4 with 2.13."""
        version: str = self._jvm.view.scala.util.Properties.versionNumberString()
        return version.startswith("2.12.")

    def _make_imain(self, settings: Any) -> Any:
        """The interpreter of Scala 2.13 needs a reporter object."""
        interpreter = self._jvm.view.scala.tools.nsc.interpreter
        if self._is_212():
            # py4j returns a package if the class is not compiled yet.
            line_interpreter = self._jvm.view.fabric_livy_magic.local.LineInterpreter
            make = line_interpreter if isinstance(line_interpreter, JavaClass) else interpreter.IMain
            imain = make(settings, self._writer)
            imain.initializeSynchronous()
        else:
            imain = interpreter.IMain(settings, interpreter.shell.ReplReporterImpl(settings, self._writer))
            imain.initializeCompiler()
        return imain

    def _seq(self, items: list[str]) -> Any:
        return self._jvm.view.org.apache.spark.api.python.PythonUtils.toSeq(items).toList()


class Cell:
    """One statement, run line by line. The output of a magic replaces the output of the lines above it."""

    def __init__(self, interpreter: ScalaInterpreter) -> None:
        self._interpreter = interpreter
        self._scala_ran = False  # True after a line of Scala
        self._magic_output: Output | None = None  # the output of the last line, if it is a magic
        self._begin = 0  # byte offset in the output: what was written before is dropped
        self._begin_of_line = 0

    def run(self, code: str) -> Output:
        verdict = run_lines(code, self._run_line, self._is_only_comments)
        if verdict == INCOMPLETE:
            return self._failed("Error", "incomplete statement", [])
        if self._magic_output is not None:
            if verdict == SUCCESS:
                return self._magic_output
            return self._failed(self._magic_output["ename"], self._magic_output["evalue"], [])
        if verdict == SUCCESS:
            return ok({"text/plain": self._interpreter.output(self._begin)})
        lines = self._interpreter.output(self._begin_of_line).splitlines(keepends=True) or [""]
        # Scala 2.13 puts the caret before the message it belongs to.
        message = next((index for index, line in enumerate(lines) if line.strip() != "^"), 0)
        evalue = lines.pop(message).strip()
        return self._failed("Error", evalue or "the statement was interrupted", lines)

    def _failed(self, ename: str, evalue: str, traceback: list[str]) -> Output:
        printed = self._interpreter.output(0, self._begin_of_line).rstrip() if self._begin_of_line else ""
        return self._interpreter.failed(ename, evalue, traceback, printed)

    def _run_line(self, line: str) -> str:
        begin = self._interpreter.output_size() if self._scala_ran else 0
        if magic := scala_magics.read_magic(line):
            self._begin_of_line = begin
            self._magic_output = self._interpreter.run_magic(*magic, has_value=self._scala_ran)
            return SUCCESS if self._magic_output["status"] == "ok" else FAILED
        verdict = self._interpreter.interpret(line)
        if verdict != INCOMPLETE:
            self._scala_ran = True
            self._begin_of_line = begin
            if self._magic_output is not None:
                self._magic_output, self._begin = None, begin
        return verdict

    def _is_only_comments(self, text: str) -> bool:
        return self._interpreter.interpret(f"{{\n{text}\n}}") == SUCCESS


def scala_object(package: Any, name: str) -> Any:
    """The instance of a Scala `object`."""
    return getattr(getattr(package, f"{name}$"), "MODULE$")
