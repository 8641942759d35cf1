"""PySpark alone, without a server: how soon its first result is there, and how long `toPandas` takes with Arrow.

    python benchmarks/bare_pyspark.py [--rows 1000 100000] [--rounds 3]

Prints one line of JSON, for benchmarks/run.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # as the embedded Fabric: no look-up of the machine's name

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    import pyspark
    from pyspark.sql import SparkSession

    from fabric_livy_magic.local.spark.java import find_java

    os.environ["JAVA_HOME"] = str(find_java(pyspark.__version__).parents[1])  # that of the embedded Fabric
    builder = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.execution.arrow.pyspark.enabled", "true").getOrCreate()
    assert spark.range(5).count() == 5
    first_s = time.perf_counter() - BEGAN

    from benchmarks.frames import MIXED, best_s

    frames = {}
    for rows in options.rows:
        df = eval(MIXED.format(rows=rows), {"spark": spark})
        assert df.count() == rows
        frames[rows], _ = best_s(options.rounds, df.toPandas)
        df.unpersist()
    spark.stop()
    print(json.dumps({"first_s": first_s, "frames_s": frames}))


if __name__ == "__main__":
    main()
