"""A Spark session in this process, and the agent's operations for frames, called through JSON as a statement would."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fabric_livy_magic.agent.remote.agent import frames as agent_frames
from fabric_livy_magic.agent.remote.agent.replies import json_text
from fabric_livy_magic.local.spark.java import find_java

NEEDS_NAMESPACE = {"open_expression", "publish", "publish_files"}
NEEDS_SPARK = {"open_sql", "open_expression", "open_files", "publish", "publish_files"}


@contextmanager
def spark_session(zone: str) -> Iterator[Any]:
    import py4j.java_gateway
    import pyspark
    from pyspark.sql import SparkSession

    # PySpark replaces the SIGINT handler and py4j's get_return_value for the whole process: both are put back at the end.
    sigint_handler, get_return_value = signal.getsignal(signal.SIGINT), py4j.java_gateway.get_return_value
    java, java_home = find_java(pyspark.__version__), os.environ.get("JAVA_HOME")
    os.environ["JAVA_HOME"] = str(java.parent.parent)
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": zone,
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    gateway = spark.sparkContext._gateway
    try:
        yield spark
    finally:
        spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()  # the JVM ends with it
        gateway.proc.wait(30)
        type(spark.sparkContext)._gateway = type(spark.sparkContext)._jvm = None
        signal.signal(signal.SIGINT, sigint_handler)
        py4j.java_gateway.get_return_value = get_return_value
        os.environ.pop("JAVA_HOME") if java_home is None else os.environ.update(JAVA_HOME=java_home)


class InProcessAgent:
    """Stands in for the agent of a session: call it with an operation and arguments, which pass through JSON both ways."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark
        self.namespace: dict[str, Any] = {"spark": spark}
        self.operations: list[str] = []

    def __call__(self, operation: str, *arguments: Any) -> Any:
        self.operations.append(operation)
        arguments = json.loads(json.dumps(arguments))
        leading = [self.namespace] if operation in NEEDS_NAMESPACE else []
        leading += [self.spark] if operation in NEEDS_SPARK else []
        return json.loads(json_text(getattr(agent_frames, operation)(*leading, *arguments)))
