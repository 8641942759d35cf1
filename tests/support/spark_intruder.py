"""A Spark without the secret of the one that it talks to: another user's, on the same machine.

Its JVM has Spark's own client classes and no SparkContext, so that it starts in half a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

MASTER = "BlockManagerMaster"  # the RPC endpoint that knows where blocks are


class Intruder:
    def __init__(self, view: Any) -> None:
        self._view = view
        self._conf = view.org.apache.spark.SparkConf(False)
        for key in ("spark.rpc.askTimeout", "spark.rpc.lookupTimeout", "spark.network.timeout"):
            self._conf.set(key, "5s")
        self._conf.set("spark.app.id", "intruder")
        self._conf.set("spark.shuffle.io.maxRetries", "0")
        made = view.org.apache.spark.SecurityManager
        defaults = [getattr(made, f"$lessinit$greater$default${number}")() for number in (2, 3)]
        self._security = made(self._conf, *defaults)

    def block_location(self, rpc_port: int, rdd_id: int) -> Any:
        """Of the first partition of a cached RDD, as the driver tells. Raises Py4JJavaError."""
        view = self._view
        rpc = view.org.apache.spark.rpc
        client = rpc.RpcEnv.create("intruder", "127.0.0.1", "127.0.0.1", 0, self._conf, self._security, 0, True)
        try:
            master = client.setupEndpointRef(rpc.RpcAddress("127.0.0.1", rpc_port), MASTER)
            block = view.org.apache.spark.storage.RDDBlockId(rdd_id, 0)
            question = getattr(view.org.apache.spark.storage, "BlockManagerMessages$GetLocations")(block)
            tag = getattr(getattr(view.scala.reflect, "ClassTag$"), "MODULE$").Any()
            return master.askSync(question, tag).head()
        finally:
            client.shutdown()

    def block(self, port: int, rdd_id: int) -> bytes:
        """What the block manager at this port has of it. Raises Py4JJavaError."""
        view = self._view
        serializers = view.org.apache.spark.serializer
        manager = serializers.SerializerManager(serializers.JavaSerializer(self._conf), self._conf)
        service = view.org.apache.spark.network.netty.NettyBlockTransferService(
            self._conf, self._security, manager, "127.0.0.1", "127.0.0.1", 0, 1, None
        )
        service.init(None)
        try:
            found = service.fetchBlockSync("127.0.0.1", port, "driver", f"rdd_{rdd_id}_0", None)
            return bytes(view.org.apache.spark.network.util.JavaUtils.bufferToArray(found.nioByteBuffer()))
        finally:
            service.close()


@contextlib.contextmanager
def intruder(java: Path, spark_jars: Path) -> Iterator[Intruder]:
    port, token = launch_gateway(
        classpath=f"{spark_jars}/*", java_path=str(java), die_on_exit=True, enable_auth=True,
        javaopts=["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED"],
    )  # fmt: skip
    gateway: Any = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
    try:
        yield Intruder(gateway.jvm)
    finally:
        gateway.shutdown()
