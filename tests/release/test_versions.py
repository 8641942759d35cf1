"""The versions that are supported: of Python, of what is brought, and of Spark."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release.first_cells import SCALA_TESTS, TEST_TOOLS, run_chosen_tests, run_first_cells
from tests.support.environments import PYTHONS, SPARK, CleanEnvironment, python_of, resolved, uv
from tests.support.fakes import FakeFabric

pytestmark = pytest.mark.release


def test_pip_installs_it_and_finds_nothing_broken(wheel: Path, folder: Path, fabric: FakeFabric) -> None:
    one = CleanEnvironment(folder.parent / "by_pip")
    subprocess.run([sys.executable, "-m", "venv", str(one.folder)], check=True)
    one.run("pip", "install", "--quiet", "--report", "installed.json", str(wheel), folder=folder.parent)
    installed = json.loads((folder.parent / "installed.json").read_text(encoding="utf-8"))["install"]
    assert len(installed) <= 56  # this package is one of them
    assert "No broken requirements" in one.run("pip", "check", folder=folder)
    run_first_cells(one, folder, fabric)


@pytest.mark.parametrize("version", PYTHONS)
def test_the_oldest_versions_that_are_allowed_run_cells_and_tests(
    version: str,
    wheel: Path,
    environment: Callable[..., CleanEnvironment],
    folder: Path,
    fabric: FakeFabric,
    tests_alone: Path,
) -> None:
    python = python_of(version)
    oldest = folder.parent / "oldest.txt"
    pins = resolved(version, "--resolution", "lowest-direct", "--only-binary=:all:")
    oldest.write_text("".join(f"{name}=={number}\n" for name, number in pins.items()), encoding="utf-8")
    one = environment(str(wheel), *TEST_TOOLS, "--constraint", str(oldest), python=python)
    uv("pip", "check", "--python", str(one.python))
    run_first_cells(one, folder, fabric)
    run_chosen_tests(one, tests_alone)


@pytest.mark.parametrize("version", PYTHONS)
def test_the_newest_versions_run_cells_and_tests(
    version: str,
    wheel: Path,
    environment: Callable[..., CleanEnvironment],
    folder: Path,
    fabric: FakeFabric,
    tests_alone: Path,
) -> None:
    one = environment(str(wheel), *TEST_TOOLS, python=python_of(version))
    uv("pip", "check", "--python", str(one.python))
    run_first_cells(one, folder, fabric)
    run_chosen_tests(one, tests_alone)


# ------------------------------------------------------------------------------------------------------ the embedded Fabric
@pytest.mark.spark
@pytest.mark.parametrize("version", PYTHONS)
def test_the_demo_runs_from_an_empty_folder(
    version: str, wheel: Path, environment: Callable[..., CleanEnvironment], folder: Path
) -> None:
    one = environment(f"{wheel}[local]", python=python_of(version))
    uv("pip", "check", "--python", str(one.python))
    code = "import pyspark; print(pyspark.__version__)"
    assert one.run("python", "-c", code, folder=folder).startswith(SPARK[version])
    shown = one.run("fabric-livy", "demo", "--output", "shown.ipynb", folder=folder)
    assert "All cells ran" in shown
    assert [path.name for path in folder.iterdir()] == ["shown.ipynb"]


@pytest.mark.spark
def test_the_demo_runs_with_the_oldest_versions_that_are_allowed(
    wheel: Path, environment: Callable[..., CleanEnvironment], folder: Path
) -> None:
    oldest = folder.parent / "oldest.txt"
    pins = resolved("3.11", "--resolution", "lowest-direct", "--extra", "local")
    oldest.write_text("".join(f"{name}=={number}\n" for name, number in pins.items()), encoding="utf-8")
    one = environment(f"{wheel}[local]", "--constraint", str(oldest), python=python_of("3.11"))
    uv("pip", "check", "--python", str(one.python))
    assert "All cells ran" in one.run("fabric-livy", "demo", "--output", "shown.ipynb", folder=folder)


@pytest.mark.spark
@pytest.mark.parametrize("spark", ["pyspark", "pyspark==4.0.1"], ids=["newest", "oldest"])
def test_scala_cells_on_spark_4_pass_the_tests_of_those_on_spark_3(
    spark: str, wheel: Path, environment: Callable[..., CleanEnvironment], tests_alone: Path
) -> None:
    """Scala 2.13 has an interpreter of its own, with sources of ours of its own."""
    one = environment(f"{wheel}[local]", *TEST_TOOLS, spark, python=python_of("3.13"))
    shown = one.run("pytest", "-q", "-n0", "-p", "no:cacheprovider", *SCALA_TESTS, folder=tests_alone, timeout_s=1800)
    assert re.search(r"^\d+ passed in ", shown, re.MULTILINE), shown
