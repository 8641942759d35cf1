"""A Spark session in this process, with the agent's part for frames called as a statement would: through JSON."""

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

IN_NAMESPACE = {"open_expression", "publish"}
WITH_SPARK = {"open_sql", "open_expression", "publish"}


@contextmanager
def spark_session(zone: str) -> Iterator[Any]:
    import py4j.java_gateway
    import pyspark
    from pyspark.sql import SparkSession

    # PySpark's own handler of SIGINT, and of exceptions of any JVM, would outlive it.
    before_spark, on_exception = signal.getsignal(signal.SIGINT), py4j.java_gateway.get_return_value
    java, before = find_java(pyspark.__version__), os.environ.get("JAVA_HOME")
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
        signal.signal(signal.SIGINT, before_spark)
        py4j.java_gateway.get_return_value = on_exception
        os.environ.pop("JAVA_HOME") if before is None else os.environ.update(JAVA_HOME=before)


class Agent:
    """`call` of one session: what goes over the wire is JSON, either way."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark
        self.namespace: dict[str, Any] = {"spark": spark}
        self.asked: list[str] = []

    def __call__(self, operation: str, *arguments: Any) -> Any:
        self.asked.append(operation)
        arguments = json.loads(json.dumps(arguments))
        front = [self.namespace] if operation in IN_NAMESPACE else []
        front += [self.spark] if operation in WITH_SPARK else []
        return json.loads(json_text(getattr(agent_frames, operation)(*front, *arguments)))
