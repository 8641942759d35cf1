"""The Python process of one REPL.

Started as a script by `python_process`, with five inherited descriptors: requests (JSON lines in), replies (JSON lines
out), a lifeline, a pipe that is closed when the server has ended, a pipe with a byte for each interrupt that the server
is about to send, and one with the jobs (see `pyjobs`). Descriptors 1 and 2 are a capture file. It starts with SIGINT ignored and blocked.
The first request attaches to the session's JVM; every further one is a statement.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import types
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

from fabric_livy_magic.local.interpreters import pyjobs
from fabric_livy_magic.local.interpreters.json_text import dumps
from fabric_livy_magic.local.interpreters.outputs import CONTEXT_STOPPED, error, ok

CAPTURE_LIMIT_BYTES = 16 * 1024 * 1024
CELL_ENDS = ("PythonRestarted", "SessionStopped")  # of `notebookutils.session`
CONTEXT_VARIABLE = "NOTEBOOKUTILS_CONTEXT"  # as in local/sessions/notebook_context.py, which this process does not load


class CaptureFile:
    """What child processes and C code write to descriptors 1 and 2. Between statements it goes to the session's log."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def take(self) -> str:
        size = os.fstat(1).st_size
        if not size:
            return ""
        data = os.pread(1, min(size, CAPTURE_LIMIT_BYTES), 0)
        os.ftruncate(1, 0)
        text = data.decode("utf-8", errors="backslashreplace")
        return text if size <= CAPTURE_LIMIT_BYTES else f"{text}\n… {size - CAPTURE_LIMIT_BYTES} more bytes\n"

    def move_to_log(self, written: str = "") -> None:
        text = written + self.take()
        if text:
            with self._log.open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(text)


class SparkConnection:
    """This process's connection to the session's Spark. `names` are the globals of statements."""

    def __init__(self, port: int, secret: str, session_id: str) -> None:
        from pyspark import SparkContext, cloudpickle
        from pyspark.sql import HiveContext
        from pyspark.streaming import StreamingContext

        from fabric_livy_magic.local.spark.gateway import IMPORTS, attach, use_secret_for_callbacks

        use_secret_for_callbacks()
        gateway = attach(port, secret)
        from py4j.java_gateway import JavaObject, java_import

        for name in IMPORTS:
            java_import(gateway.jvm, name)
        self._gateway = gateway
        self._context_class = SparkContext
        # The server has the session by this id. py4j would free it for the server, too, so this object is kept.
        self._pinned = JavaObject(session_id, gateway._gateway_client)
        self.names: dict[str, Any] = {
            **self._names_of(self._pinned.sqlContext().sparkSession()),  # the same session, by a new id
            "HiveContext": HiveContext,
            "StreamingContext": StreamingContext,
            "cloudpickle": cloudpickle,
        }
        self._context: Any = self.context

    def _names_of(self, jspark: Any) -> dict[str, Any]:
        """PySpark's objects for a session of the JVM."""
        from pyspark import SparkConf
        from pyspark.sql import SparkSession, SQLContext

        jvm = self._gateway.jvm
        jsc = jvm.org.apache.spark.api.java.JavaSparkContext.fromSparkContext(jspark.sparkContext())
        sc = self._context_class(gateway=self._gateway, jsc=jsc, conf=SparkConf(_jvm=jvm, _jconf=jsc.getConf()))
        default = jvm.SparkSession.getDefaultSession().get()
        spark = SparkSession(sc, jspark)  # makes it the default of the whole JVM, which other REPLs share
        jvm.SparkSession.setDefaultSession(default)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLContext is deprecated, but Livy has it
            return {"sc": sc, "spark": spark, "sqlContext": SQLContext(sc, spark)}

    def follow(self, namespace: dict[str, Any]) -> Any:
        """The SparkContext that runs. Scala or another REPL may have stopped it, of which PySpark learns nothing by itself, and
        may have made a new one, which then is that of this process, too. Mostly one call to the JVM."""
        context = self.context
        if context is not None and not context._jsc.sc().isStopped():
            return context
        if context is not None:
            context.stop()
        default = self._gateway.jvm.SparkSession.getDefaultSession()
        if default.isEmpty() or default.get().sparkContext().isStopped():
            return None
        for name, value in self._names_of(default.get()).items():
            if is_stopped(namespace.get(name)):  # not what user code has put there
                namespace[name] = value
        return self.context

    @property
    def context(self) -> Any:
        """The SparkContext of this process: the first one, None after user code stopped it, or the one that it made then."""
        return self._context_class._active_spark_context

    def context_changed(self) -> bool:
        """Since the last call; without a call to the JVM."""
        before, self._context = self._context, self.context
        return self._context is not before


def is_stopped(value: Any) -> bool:
    """Whether it is PySpark's object of a context that was stopped."""
    return getattr(getattr(value, "_sc", value), "_jsc", value) is None and value is not None


class Announcements:
    """Of interrupts. A SIGINT without one is not from the server: it was meant for another process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pid = os.getpid()
        os.set_blocking(descriptor, False)

    def take(self) -> bool:
        """Whether there was one. A fork of user code takes none: it would be missed here."""
        if os.getpid() != self._pid:
            return False
        try:
            return bool(os.read(self._descriptor, 4096))
        except OSError:  # none, or user code closed all descriptors
            return False


class Worker:
    def __init__(self, log: Path, announcements: Announcements) -> None:
        from fabric_livy_magic.local.interpreters.pyshell import PythonShell

        self._main = types.ModuleType("__main__")  # cloudpickle sends the classes of `__main__` by value
        sys.modules["__main__"] = self._main
        self.capture = CaptureFile(log)
        self.shell = PythonShell(self._main.__dict__, self.capture.take)
        self._announcements = announcements
        self._interruptible = False
        self._connection: SparkConnection | None = None

    def attach(self, port: int, secret: str, session_id: str) -> None:
        self._connection = SparkConnection(port, secret, session_id)
        self._handle_interrupts()
        # Also for the processes that user code starts.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self.shell.globals.update(self._connection.names)
        self.shell.globals.update(fabric_globals())

    def run(self, code: str, group: str) -> dict[str, Any]:
        self._announcements.take()  # for the statement before, when it had just ended
        self.capture.move_to_log(self._output_since())
        self._set_job_group(group)
        reply: dict[str, Any] | None = None
        try:
            try:
                self._interruptible = True
                reply = self.shell.run(code)
            finally:
                self._interruptible = False
        except KeyboardInterrupt:
            # It arrived after the user's code, in the last steps of the statement.
            if reply is None:
                reply = error("KeyboardInterrupt", "", ["KeyboardInterrupt\n"])
        self._handle_interrupts()
        if self._connection is not None and self._connection.context_changed():
            reply["context_changed"] = True
        return self._explained(reply)

    def _explained(self, reply: dict[str, Any]) -> dict[str, Any]:
        """An error of PySpark's says nothing of a context that was stopped: `'NoneType' object has no attribute 'sc'`. The end of a
        cell by `notebookutils.session` is no error."""
        if reply["status"] != "error":
            return reply
        if reply["ename"] in CELL_ENDS:
            return ok(
                {"text/plain": "\n".join(filter(None, [reply.get("data", {}).get("text/plain"), reply["evalue"]]))}
            )
        is_of_spark = any("pyspark" in line for line in reply["traceback"])
        if is_of_spark and self._connection is not None and self._connection.context is None:
            reply["evalue"] = f"{reply['evalue']}\n{CONTEXT_STOPPED}"
        return reply

    def _output_since(self) -> str:
        """What threads of earlier statements printed since the last statement."""
        self.shell.install_streams()
        return self.shell.stdout.take() + self.shell.stderr.take()

    def _set_job_group(self, group: str) -> None:
        """The user may have stopped the context, or made a new one."""
        from py4j.protocol import Py4JError

        try:
            context = self._connection.follow(self.shell.globals) if self._connection else None
            if context is not None:
                context.setJobGroup(group, f"statement {group}", True)
        except Py4JError as problem:
            self.capture.move_to_log(f"job group not set: {problem}\n")

    def _handle_interrupts(self) -> None:
        """After all that may have set another handler: that of PySpark cancels the jobs of all REPLs, user code may set its own."""
        signal.signal(signal.SIGINT, self._on_interrupt)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self._announcements.take() and self._interruptible:
            raise KeyboardInterrupt


def fabric_globals() -> dict[str, Any]:
    """The names of a Fabric notebook that need no import. Their modules are loaded at the first use."""
    if CONTEXT_VARIABLE not in os.environ:
        return {}
    import mssparkutils
    import notebookutils
    from notebookutils import _hidden_display, _mocks, _service_modules

    _service_modules.install()
    _mocks.install()
    _hidden_display.install()
    return {"notebookutils": notebookutils, "mssparkutils": mssparkutils}


def end_with_server(lifeline: int) -> None:
    """A thread's work: ends this process and its children when the server has ended, also while user code runs."""
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    requests, replies, lifeline, interrupts, jobs = (int(number) for number in arguments[:5])
    log = Path(arguments[5])
    for descriptor in (requests, replies, lifeline, interrupts):
        os.set_inheritable(descriptor, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until it is attached
    threading.Thread(target=end_with_server, args=(lifeline,), name="lifeline", daemon=True).start()
    import pyspark.sql  # noqa: F401 - its second of work overlaps with the start of the JVM

    map_files_if_not_mounted(log, *arguments[6:])
    sys.argv = [""]
    sys.stdin = io.StringIO()  # nothing to read, as in Livy
    worker = Worker(log, Announcements(interrupts))
    pyjobs.serve(jobs)
    with open(requests, "rb") as lines:  # noqa: PTH123 - a descriptor
        for line in lines:
            request = json.loads(line)
            if "attach" in request:
                worker.attach(**request["attach"])
                reply: dict[str, Any] = {"attached": True}
            else:
                reply = worker.run(request["code"], request["group"])
            send(replies, dumps(reply))


def map_files_if_not_mounted(log: Path, lakehouse: str, resources: str) -> None:
    from fabric_livy_magic.local.interpreters.mapped_files import NOTICE, is_mounted, map_files
    from fabric_livy_magic.local.lakehouse.mounts import MOUNT, RESOURCES_MOUNT

    if not is_mounted(lakehouse):
        map_files({MOUNT: lakehouse, RESOURCES_MOUNT: resources})
        with log.open("a", encoding="utf-8") as file:
            file.write(NOTICE)


def send(replies: int, text: bytes) -> None:
    data = memoryview(text + b"\n")
    while data:
        data = data[os.write(replies, data) :]


if __name__ == "__main__":
    main(sys.argv[1:])
