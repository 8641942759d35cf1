"""The package's Java classes: compiled by a Java process that ends then."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.lakehouse_classes import compile_lakehouse_classes, lakehouse_classes
from fabric_livy_magic.local.spark.submit import spark_home

pytestmark = pytest.mark.spark


def test_the_process_that_compiles_ends_when_it_has_done_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jars = spark_home() / "jars"
    assert lakehouse_classes(jars) == ()
    before = psutil.Process().children()
    made = compile_lakehouse_classes(find_java(version("pyspark")), jars)
    assert made.is_relative_to(tmp_path)
    assert lakehouse_classes(jars) == (made,)
    assert [one for one in psutil.Process().children() if one not in before] == []
