"""The package's Scala classes: compiled by the real compiler, used by a real session."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.scala_classes import (
    SOURCES,
    compile_scala_classes,
    scala_classes,
    scala_classes_are_built,
)
from fabric_livy_magic.local.spark.submit import spark_home
from tests.support import service

pytestmark = pytest.mark.spark
JARS = spark_home() / "jars"
SPECIALIZED = """
class Box[@specialized(Int) T](val held: T) { final def get: T = held; @inline final def same(other: T): T = other }
class Small extends Box[Int](3)
new Small().get + new Box(4).same(5)
"""
# The class loader of the lines is an inner object of the interpreter that runs them.
INTERPRETER = """
val loader = Thread.currentThread.getContextClassLoader
val outer = loader.getClass.getDeclaredField("$outer")
outer.setAccessible(true)
outer.get(loader).getClass.getName
""".strip()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Session]:
    compile_scala_classes(find_java(version("pyspark")), JARS)
    with service.serving(tmp_path_factory.mktemp("house")) as api:
        started = api.start_session()
        started.wait_for("idle")
        yield started


def test_a_session_uses_the_interpreter_that_was_compiled(session: service.Session) -> None:
    assert [jar.suffix for jar in scala_classes(JARS)] == [".jar"]
    assert session.text(INTERPRETER, "spark").rstrip().endswith("String = fabric_livy_magic.local.CellInterpreter")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (SPECIALIZED, "Int = 8"),
        ("class More extends (Int => Int) { final def apply(x: Int) = x + 1 }\nList(1, 2).map(new More)", "List(2, 3)"),
        ("val multiply = (a: Int, b: Long) => a * b\nmultiply(2, 3)", "Long = 6"),
        ("(1, 2.0).swap", "(Double, Int) = (2.0,1)"),
        ("sc.parallelize(1 to 3).map(x => (x, x * 2L)).values.sum", "Double = 12.0"),
        ("case class Point(x: Int)\nspark.range(3).map(n => Point(n.toInt)).collect.map(_.x).sum", "Int = 3"),
    ],
    ids=["specialized class", "own function class", "lambda", "tuple", "closure of an RDD", "encoder"],
)
def test_what_scala_specializes_works_line_by_line(session: service.Session, code: str, shown: str) -> None:
    assert session.text(code.strip(), "spark").rstrip().endswith(shown)


def test_sources_that_a_compiler_refuses_are_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / f"scala-compiler-{min(path.name for path in SOURCES.iterdir() if path.is_dir())}.0.jar").touch()
    compile_scala_classes(find_java(version("pyspark")), jars)  # no compiler in there
    assert scala_classes_are_built(jars)
    assert scala_classes(jars) == ()
    (kept,) = (tmp_path / "cache").rglob("*.txt")
    assert "scala.tools.nsc.Main" in kept.read_text()
