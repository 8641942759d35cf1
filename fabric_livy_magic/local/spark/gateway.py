"""py4j connections to a session's JVM: each Python thread has its own JVM thread. And back, for callbacks."""

from __future__ import annotations

from typing import Any

from py4j.clientserver import ClientServer, ClientServerConnection, JavaClient, JavaParameters, PythonParameters
from py4j.java_gateway import JavaObject

# What PySpark's own gateway imports into its JVM view.
IMPORTS = (
    "org.apache.spark.SparkConf",
    "org.apache.spark.api.java.*",
    "org.apache.spark.api.python.*",
    "org.apache.spark.ml.python.*",
    "org.apache.spark.mllib.api.python.*",
    "org.apache.spark.resource.*",
    "org.apache.spark.sql.*",
    "org.apache.spark.sql.api.python.*",
    "org.apache.spark.sql.hive.*",
    "scala.Tuple2",
)


class _Connection(ClientServerConnection):  # type: ignore[misc] # py4j has no types
    def send_command(self, command: str) -> Any:
        if not command.isascii():
            # Half a surrogate pair is valid text in Python and JSON. Java's encoder replaces it by `?`; in py4j's the call fails.
            command = command.encode("utf-8", errors="replace").decode("utf-8")
        try:
            return super().send_command(command)
        except KeyboardInterrupt:
            # The reply is still to come. The next call on this connection would read it as its own reply.
            self.close()
            raise


class _Client(JavaClient):  # type: ignore[misc] # py4j has no types
    def _create_new_connection(self) -> _Connection:
        connection = _Connection(self.java_parameters, self.python_parameters, self.gateway_property, self)
        connection.connect_to_java_server()
        self.set_thread_connection(connection)
        return connection


class Gateway(ClientServer):  # type: ignore[misc] # py4j has no types
    """As PySpark's gateway, but a KeyboardInterrupt in the middle of a call does not break later calls."""

    def _create_gateway_client(self) -> _Client:
        return _Client(self.java_parameters, self.python_parameters, finalizer_deque=self._create_finalizer_worker())


def attach(port: int, secret: str) -> Gateway:
    return Gateway(
        java_parameters=JavaParameters(port=port, auth_token=secret, auto_convert=True),
        python_parameters=PythonParameters(port=0, eager_load=False),
    )


def use_secret_for_callbacks() -> None:
    """PySpark's port for callbacks asks for no secret: any user of the machine could call what `foreachBatch` registers."""
    from pyspark import java_gateway

    java_gateway.ensure_callback_server_started = start_callback_server


def start_callback_server(gateway: Any) -> None:
    """As PySpark's function, if it has not started yet. The caller has to know the gateway's secret."""
    if gateway.__dict__.get("_callback_server") is not None:  # getattr would ask the JVM
        return
    parameters = gateway.python_parameters
    parameters.eager_load = parameters.daemonize = parameters.daemonize_connections = True
    parameters.port, parameters.auth_token = 0, gateway.java_parameters.auth_token
    gateway.start_callback_server(parameters)
    server = gateway._callback_server
    server.port = gateway._python_proxy_port = server.server_socket.getsockname()[1]
    _set_callback_client(gateway, server.port, parameters.auth_token)


def _set_callback_client(gateway: Any, port: int, secret: str) -> None:
    """By reflection: py4j's own way, `resetCallbackClient`, makes a client without a secret."""
    jvm = gateway.jvm
    java_gateway = JavaObject("GATEWAY_SERVER", gateway._gateway_client).getGateway()
    before = java_gateway.getCallbackClient()
    client = jvm.py4j.PythonClient(
        java_gateway,
        None,
        port,
        before.getAddress(),
        0,
        jvm.java.util.concurrent.TimeUnit.SECONDS,
        jvm.javax.net.SocketFactory.getDefault(),
        before.getJavaServer(),
        True,
        before.getReadTimeout(),
        secret,
    )
    field = jvm.java.lang.Class.forName("py4j.Gateway").getDeclaredField("cbClient")
    field.setAccessible(True)
    field.set(java_gateway, client)
