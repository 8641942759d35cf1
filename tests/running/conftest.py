"""Results of cells that ran nowhere."""

from __future__ import annotations

from fabric_livy_magic.running.results import Printed, Result


def result(text: str) -> Result:
    return Result(kind="pyspark", session="main", elapsed_s=0.0, parts=(Printed(text),))
