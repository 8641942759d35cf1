"""The lower bounds of our dependencies: each has its reason, and none lets in a version with a hole that concerns us."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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
    (text,) = [text for text in requirements() if Requirement(text).name == name]
    assert not Requirement(text).specifier.contains(last_with_it)
    assert hole in LINES[text]
