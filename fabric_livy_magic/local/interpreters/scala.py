"""Scala statements: Scala's own interpreter (`scala.tools.nsc.interpreter.IMain`) inside the session's JVM.

The code is fed line by line as Livy does it (AbstractSparkInterpreter.scala): a line that is incomplete is joined with
the next one and tried again; what is left incomplete at the end is tried once more inside braces, for trailing comments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.interpreters.outputs import Output, error, ok
from fabric_livy_magic.local.interpreters.sql import java_error
from fabric_livy_magic.local.spark.jvm import Jvm
from fabric_livy_magic.local.spark.settings import SessionFolders

SUCCESS, INCOMPLETE = "Success", "Incomplete"
# What Livy's shell imports. In one line: each line is a compiler run of its own.
IMPORTS = "import org.apache.spark.SparkContext._, spark.implicits._, spark.sql, org.apache.spark.sql.functions._"


def run_lines(code: str, interpret: Callable[[str], str]) -> str:
    """Feed `code` line by line; gives the last verdict: Success, Incomplete or Error. Stops at the first error."""
    lines = code.strip().split("\n")
    pending = ""
    for index, line in enumerate(lines):
        pending = f"{pending}\n{line}" if pending else line
        verdict = interpret(pending)
        if verdict == INCOMPLETE:
            if index == len(lines) - 1 and interpret(f"{{\n{pending}\n}}") != SUCCESS:
                return INCOMPLETE
            continue
        if verdict != SUCCESS:
            return verdict
        pending = ""
    return SUCCESS


class ScalaInterpreter:
    """Made on first use, in the thread that uses it: the start costs seconds. `thread` is that thread in the JVM."""

    def __init__(self, jvm: Jvm, spark: Any, folders: SessionFolders, repl_id: str = "") -> None:
        self._jvm = jvm
        self._spark = spark
        self._repl_id = repl_id
        self._folders = folders
        self._imain: Any = None
        self._buffer: Any = None
        self._writer: Any = None
        self._stream: Any = None

    def run(self, code: str) -> Output:
        try:
            if self._imain is None:
                self._start()
            self._enter()
            self._buffer.reset()
            lengths: list[int] = []

            def interpret(text: str) -> str:
                lengths.append(self._buffer.size())
                verdict: str = self._imain.interpret(text).toString()
                return verdict

            verdict = run_lines(code, interpret)
            return self._answer(verdict, lengths[-1])
        except Py4JJavaError as failure:
            return java_error(self._jvm, failure)

    def _answer(self, verdict: str, before_last: int) -> Output:
        self._writer.flush()
        self._stream.flush()
        raw = bytes(self._buffer.toByteArray()) if verdict != SUCCESS else b""
        if verdict == SUCCESS:
            return ok({"text/plain": self._buffer.toString("UTF-8")})
        printed = raw[:before_last].decode("utf-8", errors="replace").rstrip()
        if verdict == INCOMPLETE:
            return error("Error", "incomplete statement", printed=printed)
        lines = raw[before_last:].decode("utf-8", errors="replace").splitlines(keepends=True) or [""]
        # Scala 2.13 puts the caret before the message it belongs to.
        message = next((index for index, line in enumerate(lines) if line.strip() != "^"), 0)
        evalue = lines.pop(message).strip()
        return error("Error", evalue or "the statement was interrupted", lines, printed)

    def _enter(self) -> None:
        """Case classes of earlier lines are found through the thread's class loader (Spark's OuterScopes)."""
        view = self._jvm.view
        view.java.lang.Thread.currentThread().setContextClassLoader(self._imain.classLoader())
        getattr(getattr(view.scala, "Console$"), "MODULE$").setOutDirect(self._stream)

    def _start(self) -> None:
        view = self._jvm.view
        settings = view.scala.tools.nsc.Settings()
        options = ["-usejavacp", "-Yrepl-class-based", "-Yrepl-outdir", str(self._folders.classes)]
        settings.processArguments(self._seq(options), True)
        self._buffer = view.java.io.ByteArrayOutputStream()
        self._writer = view.java.io.PrintWriter(view.java.io.OutputStreamWriter(self._buffer, "UTF-8"), True)
        self._stream = view.java.io.PrintStream(self._buffer, True, "UTF-8")
        with self._jvm.naming:
            self._name_lines()
            imain = self._make(settings)
        transient = self._seq(["@transient"])
        imain.bind("spark", "org.apache.spark.sql.SparkSession", self._spark, transient)
        imain.bind("sc", "org.apache.spark.SparkContext", self._spark.sparkContext(), transient)
        self._imain = imain
        self._enter()
        imain.interpret(IMPORTS)

    def _name_lines(self) -> None:
        """Each line becomes a class, `$line3.$read`. REPLs of one application share the folder that their classes go to,
        and what executors have loaded, so each needs names of its own. Scala reads this property when its interpreter starts.
        """
        line = f"$line{self._repl_id.replace('-', '')}_" if self._repl_id else "$line"
        self._jvm.view.java.lang.System.setProperty("scala.repl.name.line", line)

    def _make(self, settings: Any) -> Any:
        """Spark 3 comes with Scala 2.12, Spark 4 with 2.13, whose interpreter reports through an object of its own."""
        view = self._jvm.view
        interpreter = view.scala.tools.nsc.interpreter
        if view.scala.util.Properties.versionNumberString().startswith("2.12."):
            imain = interpreter.IMain(settings, self._writer)
            imain.initializeSynchronous()
        else:
            imain = interpreter.IMain(settings, interpreter.shell.ReplReporterImpl(settings, self._writer))
            imain.initializeCompiler()
        return imain

    def _seq(self, items: list[str]) -> Any:
        return self._jvm.view.org.apache.spark.api.python.PythonUtils.toSeq(items).toList()
