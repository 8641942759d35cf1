"""The workflow files in docs/notebook_tests.md: they are YAML, and each of their commands is one that exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from fabric_livy_magic.cli.main import _parser
from fabric_livy_magic.own_folders import user_folder

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "notebook_tests.md").read_text(encoding="utf-8")
GITHUB, AZURE = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def commands() -> Iterator[str]:
    yield from (step["run"] for step in GITHUB["jobs"]["test"]["steps"] if "run" in step)
    yield from (step["script"] for step in AZURE["steps"] if "script" in step)


@pytest.mark.parametrize("command", list(commands()))
def test_each_command_of_a_workflow_exists(command: str) -> None:
    words = shlex.split(command)
    if words[:2] == ["pip", "install"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        wanted = Requirement(words[2])
        assert wanted.name == project["name"]
        assert wanted.extras <= set(project["optional-dependencies"])
    else:
        assert words[0] == "fabric-livy"
        assert _parser().parse_args(words[1:]).command


def test_both_workflows_run_the_same_commands() -> None:
    found = list(commands())
    assert found[: len(found) // 2] == found[len(found) // 2 :]


def steps_that_use(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(step for step in steps if name in (step.get("uses") or step.get("task") or ""))


def test_the_caches_are_the_folder_that_this_package_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = steps_that_use(GITHUB["jobs"]["test"]["steps"], "actions/cache")["with"]["path"]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert Path(path).expanduser() == user_folder("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert steps_that_use(AZURE["steps"], "Cache@2")["inputs"]["path"] == "$(XDG_CACHE_HOME)"
    assert user_folder("cache").parent == tmp_path / "cache"


def test_results_are_kept_also_when_tests_fail() -> None:
    assert steps_that_use(GITHUB["jobs"]["test"]["steps"], "upload-artifact")["if"] == "always()"
    assert steps_that_use(AZURE["steps"], "PublishTestResults")["condition"] == "always()"
