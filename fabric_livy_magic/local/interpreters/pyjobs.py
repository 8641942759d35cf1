"""Tasks of Livy's REST API that run in a session's Python: jobs of Livy's Python client, and Python files to add.

As in Livy each has a thread of its own, beside the statement that runs. The server writes a request into a file, and its path into
a pipe that this process inherits; the reply is a file beside it. So nothing of a request becomes code, and nothing that a job
prints gets into a reply.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import tempfile
import threading
import traceback
from collections import OrderedDict
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

SHARED_OBJECTS = 100
REPLY_SUFFIX = ".reply"


class JobContext:
    """The argument of a job: the names of `livy.job_context.JobContext`. Made when a job asks for it: many need no Spark."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._streaming: Any = None
        self._shared: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def spark_session(self) -> Any:
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()

    @property
    def sc(self) -> Any:
        return self.spark_session.sparkContext

    @cached_property
    def local_tmp_dir_path(self) -> str:
        return tempfile.mkdtemp(prefix="job-", dir=self._folder)

    @property
    def sql_ctx(self) -> Any:
        from pyspark.sql import SQLContext

        return SQLContext(self.sc, self.spark_session)

    hive_ctx = sql_ctx  # both have the one catalog

    def create_streaming_ctx(self, batch_duration: int) -> None:
        from pyspark.streaming import StreamingContext

        if self._streaming is not None:
            raise ValueError("Streaming context already exists")
        self._streaming = StreamingContext(self.sc, batch_duration)

    @property
    def streaming_ctx(self) -> Any:
        if self._streaming is None:
            raise ValueError("create_streaming_ctx function should be called first")
        return self._streaming

    def stop_streaming_ctx(self) -> None:
        self.streaming_ctx.stop(stopSparkContext=False)
        self._streaming = None

    def get_shared_object(self, name: str) -> Any:
        with self._lock:
            if name in self._shared:
                self._shared.move_to_end(name)
            return self._shared.get(name)

    def set_shared_object(self, name: str, value: Any) -> None:
        """Keeps the SHARED_OBJECTS used last."""
        with self._lock:
            self._shared[name] = value
            self._shared.move_to_end(name)
            if len(self._shared) > SHARED_OBJECTS:
                self._shared.popitem(last=False)

    def remove_shared_object(self, name: str) -> None:
        with self._lock:
            self._shared.pop(name, None)


@cache
def context(folder: Path) -> JobContext:
    """One for all jobs of a session, so that they share objects."""
    return JobContext(folder)


def run_job(pickled: str, folder: Path) -> str:
    dumps: Any = import_module("pyspark.cloudpickle").dumps
    job = pickle.loads(base64.b64decode(pickled))  # noqa: S301 - it is the client's own code, which is to run here
    return base64.b64encode(dumps(job(context(folder)))).decode("ascii")


def add_py_file(uri: str, folder: Path) -> None:
    context(folder).sc.addPyFile(uri)


TASKS = {"job": run_job, "py_file": add_py_file}


def serve(descriptor: int) -> None:
    """Begins to take the paths of requests, a line each, in a thread that ends with the server."""
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_take, args=(descriptor,), name="jobs", daemon=True).start()


def _take(descriptor: int) -> None:
    with open(descriptor, encoding="utf-8") as requests:
        for line in requests:
            threading.Thread(target=run, args=(line.rstrip("\n"),), name="job", daemon=True).start()


def run(request_file: str) -> None:
    path = Path(request_file)
    request = json.loads(path.read_text(encoding="utf-8"))
    try:
        reply = {"result": TASKS[request["task"]](request["argument"], path.parent)}
    except BaseException as failure:  # noqa: BLE001 - the client's code: whatever it raises is its result
        reply = {"error": _error_text(failure)}
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(reply), encoding="utf-8")
    unfinished.replace(path.with_suffix(REPLY_SUFFIX))


def _error_text(failure: BaseException) -> str:
    """Without the frames of this file."""
    java = getattr(failure, "java_exception", None)
    if java is not None:
        return str(java.toString())
    trace = failure.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(failure.with_traceback(trace)))
