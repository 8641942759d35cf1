"""CONTRIBUTING.md, SECURITY.md and the workflows: each link, path, option and command in them exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from fabric_livy_magic import __version__

ROOT = Path(__file__).parents[1]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "SECURITY.md")}
WORKFLOWS = {path.name: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
OPTIONS_OF_TESTS = set(re.findall(r'"(--[a-z]+)"', (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")))
OPTIONS_OF_PYTEST = {"-n", "-n0", "--dist", "-m", "-q"}


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def commands_of_workflows() -> list[str]:
    return [step["run"] for name in WORKFLOWS for step in steps(name) if "run" in step]


def commands_of_pages() -> list[str]:
    text = PAGES["CONTRIBUTING.md"]
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    rows = re.findall(r"\| `(\.[^`]+)` \|", text)
    return [line for line in [*blocks, *rows] if not line.startswith("az ")]


def check(words: list[str]) -> None:
    """One command of a line."""
    program = words[0].rpartition("/")[2]
    if program in {"python", "python3"} and words[1] == "-m":
        words, program = words[2:], words[2]
    if program == "pip":
        assert words[1] == "install"
        (what,) = [word for word in words[2:] if word not in {"-e", "--quiet"}]
        assert Requirement(f"x{what.removeprefix('.')}").extras <= EXTRAS
    elif program == "pytest":
        for word in words[1:]:
            if word.startswith("tests"):
                assert (ROOT / word).exists(), word
            elif word.startswith("-"):
                assert word in OPTIONS_OF_TESTS | OPTIONS_OF_PYTEST, word
    elif program.startswith("tests."):
        assert ROOT.joinpath(*program.split(".")).with_suffix(".py").is_file(), program
    elif program == "run":
        assert (ROOT / words[0]).is_file()
    else:
        assert program in {"venv", "build", "ruff", "mypy"}, program


@pytest.mark.parametrize("command", [*commands_of_workflows(), *commands_of_pages()])
def test_each_command_is_one_that_exists(command: str) -> None:
    for part in command.split("&&"):
        check(shlex.split(part, comments=True))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_few_rights_and_an_end(name: str) -> None:
    content = workflow(name)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert "timeout-minutes" in job or not any("run" in step for step in job["steps"])
    assert all("@" in step["uses"] for step in steps(name) if "uses" in step)


def test_a_change_and_a_release_pass_the_same_commands() -> None:
    for name in ("test.yml", "release.yml"):
        assert {".ci/run", ".venv/bin/pytest --release tests/release"} <= {step.get("run") for step in steps(name)}


def test_a_release_is_published_without_a_token_and_only_by_a_tag() -> None:
    content = workflow("release.yml")
    assert content[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads the key `on` as true
    publish = content["jobs"]["publish"]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in WORKFLOWS["release.yml"].read_text(encoding="utf-8")


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), (__version__, 1), ("v9.9.9", 1)])
def test_a_tag_is_that_of_the_version(tag: str, code: int) -> None:
    command = [sys.executable, "-m", "tests.support.release_tag", tag]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert (f"v{__version__}" in done.stderr) == bool(code)


@pytest.mark.parametrize("name", PAGES)
def test_links_and_paths_lead_to_files(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGES[name])
    paths = re.findall(r"`(tests/[\w/.]+)`", PAGES[name])
    assert len(links) >= 2
    assert len(paths) >= 3
    for one in [*links, *paths]:
        assert (ROOT / one).exists(), one


@pytest.mark.parametrize("name", re.findall(r"`([A-Z]\w+)`", PAGES["CONTRIBUTING.md"]))
def test_names_of_the_steps_are_in_the_code(name: str) -> None:
    files = [*(ROOT / "fabric_livy_magic").rglob("*.py"), ROOT / "tests" / "test_architecture.py"]
    pattern = re.compile(rf"^(class {name}\b|{name}\b.* = )", re.MULTILINE)
    assert any(pattern.search(path.read_text(encoding="utf-8")) for path in files)
