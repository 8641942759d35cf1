"""The lower bounds of our dependencies: each has its reason, and none lets in a version with a hole that concerns us."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from fabric_livy_magic.notebooks.fabric_runtime import RUNTIMES

PYPROJECT = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
# A line of a list: the requirement, and what stands behind it.
LINES = dict(re.findall(r'^  "([A-Za-z][^"]*)",[ ]*(?:#[ ]*(.*))?$', PYPROJECT, re.MULTILINE))


def requirements() -> list[str]:
    content = tomllib.loads(PYPROJECT)
    extras = content["project"]["optional-dependencies"].values()
    return [
        *content["build-system"]["requires"],
        *content["project"]["dependencies"],
        *(one for of in extras for one in of),
    ]


@pytest.mark.parametrize("text", [text for text in requirements() if ">=" in text])
def test_a_lower_bound_has_its_reason_beside_it(text: str) -> None:
    assert LINES.get(text, "").strip(), f"pyproject.toml says nothing about {text}"


@pytest.mark.parametrize(
    ("name", "hole", "last_with_it"),
    [
        ("pyarrow", "CVE-2023-47248", "14.0.0"),
        ("requests", "CVE-2024-47081", "2.32.3"),
        ("requests", "CVE-2026-25645", "2.32.5"),
        ("orjson", "CVE-2025-67221", "3.11.5"),
        ("cryptography", "CVE-2026-39892", "46.0.6"),
        ("tornado", "without a known hole", "6.6.0"),
    ],
)
def test_a_version_with_a_known_hole_is_not_let_in(name: str, hole: str, last_with_it: str) -> None:
    texts = [text for text in requirements() if Requirement(text).name == name]
    assert texts
    for text in texts:
        assert not Requirement(text).specifier.contains(last_with_it)
        assert hole in LINES[text]


@pytest.mark.parametrize(("python", "runtime"), [("3.11", "1.3"), ("3.12", "1.3"), ("3.13", "2.0"), ("3.14", "2.0")])
@pytest.mark.parametrize("name", ["numpy", "pandas", "pyarrow", "pyspark", "delta-spark"])
def test_a_session_gets_the_majors_of_the_runtime_that_fits_its_python(python: str, runtime: str, name: str) -> None:
    of_runtime = Version(RUNTIMES[runtime].versions[name])
    (pin,) = [one for one in of_extra("local", python) if one.name == name]
    newest_patch = f"{of_runtime.major}.{of_runtime.minor}.999"
    assert pin.specifier.contains(newest_patch) or (name, runtime) == (
        "delta-spark",
        "1.3",
    )  # 3.2 does not fit Spark 3.5.6
    assert not pin.specifier.contains(f"{of_runtime.major + 1}.0") or (name, runtime) == ("pyarrow", "2.0")
    assert not pin.specifier.contains(f"{of_runtime.major - 1}.99") or (name, runtime) == ("pyarrow", "2.0")


def test_the_client_alone_takes_the_newest_pandas_and_numpy() -> None:
    newest = {"numpy": "2.4.6", "pandas": "3.1.1", "pyarrow": "26.0.1"}
    client = [Requirement(text) for text in tomllib.loads(PYPROJECT)["project"]["dependencies"]]
    assert {one.name for one in client} >= set(newest)
    assert all(one.specifier.contains(newest.get(one.name, "9999")) for one in client)


@pytest.mark.parametrize(("python", "runtime"), [("3.11", "1.3"), ("3.13", "2.0")])
def test_the_extra_runtime_has_the_majors_of_the_runtime(python: str, runtime: str) -> None:
    known = RUNTIMES[runtime].versions
    extra = of_extra("runtime", python)
    assert len(extra) > 15
    for one in extra:
        if one.name in known:
            newest_fitting = f"{Version(known[one.name]).major}.999"
            oldest_unfitting = f"{Version(known[one.name]).major + 1}.0"
            assert not one.specifier.contains(oldest_unfitting) or one.specifier.contains(known[one.name]), one
            assert one.specifier.contains(known[one.name]) or one.specifier.contains(newest_fitting), one


def of_extra(extra: str, python: str) -> list[Requirement]:
    found = map(Requirement, tomllib.loads(PYPROJECT)["project"]["optional-dependencies"][extra])
    environment = {"python_version": python, "python_full_version": f"{python}.1"}
    return [one for one in found if one.marker is None or one.marker.evaluate(environment)]
