"""Variable libraries of a repository, for `%%configure`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.variable_libraries import variable_value


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etl" / "lib.VariableLibrary"
    (folder / "valueSets").mkdir(parents=True)
    (folder / ".platform").write_text(json.dumps({"metadata": {"displayName": "Shared lib"}}), encoding="utf-8-sig")
    variables = [{"name": "house", "type": "String", "value": "Dev"}, {"name": "cores", "type": "Integer", "value": 8}]
    (folder / "variables.json").write_text(json.dumps({"variables": variables}), encoding="utf-8-sig")
    overrides = {"name": "prod", "variableOverrides": [{"name": "house", "value": "Prod"}]}
    (folder / "valueSets" / "prod.json").write_text(json.dumps(overrides), encoding="utf-8")
    return tmp_path


def test_a_value_is_that_of_the_library_or_of_the_value_set_that_is_chosen(root: Path) -> None:
    house = "$(/**/Shared lib/house)"
    assert (variable_value(root, house), variable_value(root, house, "prod")) == ("Dev", "Prod")
    assert variable_value(root, " $(/**/Shared lib/cores) ", "prod") == 8


def test_of_two_libraries_with_one_name_the_nearest_to_the_notebook_counts(root: Path) -> None:
    later = root / "stage" / "lib.VariableLibrary"
    shutil.copytree(root / "etl" / "lib.VariableLibrary", later)
    variables = [{"name": "house", "type": "String", "value": "Stage"}]
    (later / "variables.json").write_text(json.dumps({"variables": variables}), encoding="utf-8")
    house = "$(/**/Shared lib/house)"
    for stage, value in (("etl", "Dev"), ("stage", "Stage")):
        for folder in ("Load.Notebook", "below/Load.Notebook"):
            assert variable_value(root, house, "", root / stage / folder / "notebook-content.py") == value


@pytest.mark.parametrize(
    ("reference", "value_set", "message"),
    [
        ("$(lib/house)", "", r"written \$\(/\*\*/library/variable\)"),
        ("$(/**/lib/house)", "", "no variable library 'lib' .*There are: Shared lib"),
        ("$(/**/Shared lib/home)", "", "no variable 'home'. It has: cores, house"),
        ("$(/**/Shared lib/house)", "test", "cannot be read: .*test.json"),
    ],
)
def test_what_is_missing_is_said_with_what_there_is(root: Path, reference: str, value_set: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        variable_value(root, reference, value_set)
