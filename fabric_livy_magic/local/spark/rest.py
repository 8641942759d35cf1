"""Spark's own monitoring REST API, called inside the JVM, so that no port is open to others on the machine.

Spark serves it with its web UI, which sessions do not start. The same handlers run behind a Jetty connector that takes
requests as text; it is created at the first request.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from fabric_livy_magic.local.spark.jvm import Jvm


@dataclass(frozen=True)
class RestAnswer:
    status: int
    content_type: str
    body: bytes


class SparkRest:
    def __init__(self, jvm: Jvm) -> None:
        self._jvm = jvm
        self._lock = threading.Lock()
        self._context: Any = None
        self._connector: Any = None

    def get(self, path: str, query: str = "") -> RestAnswer:
        """`path` begins below the application, as in `/jobs/1`; both are as they came in a URL, quoted.

        Blocks; raises JvmGone or Py4JError.
        """
        with self._lock:
            context = self._jvm.spark.sparkContext()
            if context != self._context:  # the first call, or user code has made a new context
                self._connector = self._connect(context)
                self._context = context
            app_id = context.applicationId()
            target = f"/api/v1/applications/{app_id}{path}{'?' if query else ''}{query}"
            # One byte is one character, whatever the answer's encoding.
            request = self._jvm.view.java.nio.ByteBuffer.wrap(
                f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("ascii")
            )
            answer = self._connector.getResponse(request)
            return read_answer(bytes(self._jvm.view.java.util.Arrays.copyOf(answer.array(), answer.limit())))

    def _connect(self, context: Any) -> Any:
        view = self._jvm.view
        spark_ui = view.org.apache.spark.ui.SparkUI
        ui = spark_ui.create(
            view.scala.Option.apply(context),
            context.statusStore(),
            context.getConf(),
            self._security(context.getConf()),
            context.appName(),
            "",
            context.startTime(),
            getattr(spark_ui, "create$default$8")(),
        )
        ui.setAppId(context.applicationId())
        jetty = view.org.sparkproject.jetty.server
        server = jetty.Server()
        connector = jetty.LocalConnector(server)
        server.addConnector(connector)
        server.setHandler(view.org.apache.spark.status.api.v1.ApiRootResource.getServletHandler(ui))
        server.start()
        return connector

    def _security(self, conf: Any) -> Any:
        """A new one: the context's is in SparkEnv, which py4j cannot reflect on in Spark 4 (protobuf is missing)."""
        made = self._jvm.view.org.apache.spark.SecurityManager
        defaults = [getattr(made, f"$lessinit$greater$default${number}")() for number in (2, 3)]
        return made(conf, *defaults)


def read_answer(raw: bytes) -> RestAnswer:
    """An HTTP/1.1 response as Jetty writes it to a connection that it closes."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return RestAnswer(int(lines[0].split(" ")[1]), headers.get("content-type", ""), body)


def _unchunked(chunks: bytes) -> bytes:
    parts: list[bytes] = []
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        parts.append(rest[:length])
        chunks = rest[length + 2 :]
    return b"".join(parts)
