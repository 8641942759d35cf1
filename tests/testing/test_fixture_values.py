"""The pure parts of the pytest plugin: what it loads, values of parameters, names of tables, limits, copies of snapshots."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.testing.notebook_runner import _qualified, limits_of, plain_values
from fabric_livy_magic.testing.snapshots import copy_snapshot

HEAVY = ["pandas", "requests", "nbclient", "pyspark", "tornado", "IPython", "ipykernel"]


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_plugin_loads_nothing_heavy_before_a_test_asks_for_a_fixture() -> None:
    code = "import sys, pytest; before = set(sys.modules); import fabric_livy_magic.testing.plugin; print(set(sys.modules) - before)"
    loaded = run_python(code)
    assert "fabric_livy_magic.testing.plugin" in loaded
    assert not [name for name in HEAVY if f"'{name}'" in loaded]
    assert loaded.count("'fabric_livy_magic") <= 6


def test_the_package_and_its_command_line_work_without_pytest() -> None:
    block = "import sys; sys.modules['pytest'] = None; "
    assert run_python(f"{block}from fabric_livy_magic import connect; print(connect.__name__)") == "connect"
    code = "from fabric_livy_magic.cli.main import _parser; print(_parser().format_help())"
    assert "fabric-livy" in run_python(block + code)


@pytest.mark.parametrize("value", [1, -2.5, "it's", None, True, ["a", 1], {"a": [None]}, "größer\n"])
def test_a_plain_value_is_a_parameter(value: Any) -> None:
    assert plain_values({"name": value}) == {"name": value}


def test_a_number_of_numpy_is_the_number() -> None:
    found = plain_values({"rows": np.int64(7)})
    assert (found, type(found["rows"])) == ({"rows": 7}, int)


@pytest.mark.parametrize("value", [object(), Path("x"), float("nan"), [object()], print])
def test_any_other_value_is_refused_with_what_to_do(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"The parameter rows is of type .*tables=\{"):
        plain_values({"rows": value})


@pytest.mark.parametrize(
    ("name", "default", "parts"),
    [
        ("trips", "", ("trips",)),
        ("raw.trips", "", ("raw", "trips")),
        ("trips", "Bronze", ("Bronze", "dbo", "trips")),
        ("raw.trips", "Bronze", ("Bronze", "raw", "trips")),
        ("Silver.raw.trips", "Bronze", ("Silver", "raw", "trips")),
    ],
)
def test_a_table_is_in_the_notebooks_own_lakehouse_unless_its_name_says_another(
    name: str, default: str, parts: tuple[str, ...]
) -> None:
    assert _qualified(name, default) == parts


def test_a_limit_of_0_is_none() -> None:
    limits = limits_of("0", "2.5")
    assert (limits.cell_s, limits.notebook_s) == (None, 2.5)


@pytest.mark.parametrize("text", ["-1", "soon", "inf", "nan", ""])
def test_a_limit_that_is_none_is_told_with_its_name(text: str) -> None:
    with pytest.raises(SettingsError, match="fabric_cell_timeout is a number of seconds"):
        limits_of(text, "1")


FILES: Mapping[str, str] = {
    "Tables/dbo/trips/part-0.parquet": "data",
    "Tables/dbo/trips/_delta_log/0.json": "log",
    "Files/in.csv": "a\n1\n",
    ".catalog/dbo.json": "{}",
}


def test_what_a_test_changes_in_its_copy_is_not_changed_in_the_snapshot(tmp_path: Path) -> None:
    snapshot, copy = tmp_path / "snapshot", tmp_path / "copy"
    for name, text in FILES.items():
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_text(text)
    copy_snapshot(snapshot, copy)
    for name, text in FILES.items():
        assert (copy / name).read_text() == text
        if not name.endswith(".parquet"):  # Spark writes each of those once
            with (copy / name).open("a") as file:
                file.write("more")
    (copy / "Tables/dbo/trips/part-0.parquet").unlink()
    assert {name: (snapshot / name).read_text() for name in FILES} == FILES
