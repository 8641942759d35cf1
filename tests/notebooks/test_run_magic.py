"""`%run`: its line, the notebook that it names in a repository, and cycles."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import (
    write_notebook,
)
from fabric_livy_magic.notebooks.model import Notebook
from fabric_livy_magic.notebooks.need import AVAILABLE, FABRIC_ONLY, PROBLEM
from fabric_livy_magic.notebooks.repository import Repository, repository_root
from fabric_livy_magic.notebooks.run_magic import RunLine, read_run_line
from tests.support.notebook_samples import check, repository_of


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("name", RunLine("name")),
        ("  name  ", RunLine("name")),
        ("a name with blanks", RunLine("a name with blanks")),
        ('"a name"', RunLine("a name")),
        ("'a name'", RunLine("a name")),
        ("/folder/name", RunLine("/folder/name")),
        ('name {"a": 1, "b": "x"}', RunLine("name", {"a": 1, "b": "x"})),
        ('"a name" { "a": {"b": true} }', RunLine("a name", {"a": {"b": True}})),
        ("-b script.py", RunLine("script.py", is_script=True)),
        ("-c -b script", RunLine("script", is_script=True)),
        ("helpers.py", RunLine("helpers.py", is_script=True)),
    ],
)
def test_what_run_takes(line: str, target: RunLine) -> None:
    assert read_run_line(line) == target


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "takes a notebook"),
        ('{"a": 1}', "takes a notebook"),
        ('""', "takes a notebook"),
        ('"open', "takes a notebook"),
        ("name {a: 1}", "no JSON"),
        ("name {} more", "takes a notebook"),
    ],
)
def test_a_wrong_run_line_is_refused(line: str, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        read_run_line(line)


@given(st.text() | st.lists(st.sampled_from(["-b ", '"', "'", "{", "}", " ", "name", "\n"])).map("".join))
@example("a " * 2000 + "'")
def test_any_line_is_read_or_a_notebook_error(line: str) -> None:
    with suppress(NotebookError):
        assert read_run_line(line).name


def runs_of(path: Path) -> list[tuple[str, str, str]]:
    return [(need.name, need.verdict, need.text) for need in check(path).needs if need.what == "%run"]


def test_a_target_is_found_by_its_display_name_exact_or_in_another_case(repository: Path) -> None:
    assert runs_of(repository / "notebooks/line_magics.Notebook") == [
        ("parameters", AVAILABLE, ""),
        ("Load orders", AVAILABLE, ""),
        ("/Plain", AVAILABLE, "it is called plain"),
    ]


def test_a_missing_target_is_a_problem_with_what_it_may_have_meant(tmp_path: Path) -> None:
    repository_of(tmp_path, main=["loadorders", "quite another"], load_orders=[])
    assert runs_of(tmp_path / "main.Notebook") == [
        ("loadorders", PROBLEM, "no notebook of the repository has this name. Did you mean load_orders?"),
        ("quite another", PROBLEM, "no notebook of the repository has this name."),
    ]


def test_a_circle_is_a_problem_of_each_notebook_that_meets_it(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["b"], b=["C"], c=["b"], d=["d"], e=["c", "nosuch"], f=[])
    cycles = {
        name: [text for _, _, text in runs_of(tmp_path / f"{name}.Notebook") if "circle" in text] for name in "abcdef"
    }
    assert cycles == {
        "a": ["a circle: b → c → b"],
        "b": ["a circle: b → c → b"],
        "c": ["a circle: c → b → c"],
        "d": ["a circle: d → d"],
        "e": ["a circle: c → b → c"],
        "f": [],
    }


def test_a_notebook_that_two_others_run_is_no_circle(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["b", "c"], b=["d"], c=["d"], d=[])
    assert check(tmp_path / "a.Notebook").verdict == AVAILABLE


def test_a_notebook_that_is_run_in_a_million_ways_is_read_once(tmp_path: Path) -> None:
    layers = {f"{side}{n}": [f"a{n + 1}", f"b{n + 1}"] for n in range(20) for side in "ab"}
    repository_of(tmp_path, **layers, a20=[], b20=[])
    assert check(tmp_path / "a0.Notebook").verdict == AVAILABLE


def test_a_wrong_line_does_not_hide_a_circle_below_it(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["{}", "b"], b=["a"])
    assert "a circle: b → a → b" in [text for _, _, text in runs_of(tmp_path / "b.Notebook")]


def test_a_script_of_the_resources_is_there_where_the_repository_has_it(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["-b helpers.py"])
    assert [(name, verdict) for name, verdict, _ in runs_of(tmp_path / "a.Notebook")] == [("helpers.py", FABRIC_ONLY)]
    (tmp_path / "a.Notebook" / "builtin").mkdir()
    (tmp_path / "a.Notebook" / "builtin" / "helpers.py").touch()
    assert [(name, verdict) for name, verdict, _ in runs_of(tmp_path / "a.Notebook")] == [("helpers.py", AVAILABLE)]


def test_of_several_copies_the_nearest_runs(tmp_path: Path) -> None:
    for stage in ("dev", "prod"):
        for name in ("main", "lib"):
            write_notebook(tmp_path / stage / f"{name}.Notebook", Notebook())
    files = Repository(tmp_path)
    for stage in ("dev", "prod"):
        target = files.find("lib", tmp_path / stage / "main.Notebook" / "notebook-content.py").file
        assert target is not None
        assert target.path.is_relative_to(tmp_path / stage)


def test_the_root_is_the_git_repository_else_the_notebook_s_own_folder(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "x.Notebook" / "notebook-content.py"
    file.parent.mkdir(parents=True)
    file.touch()
    assert repository_root(file) == tmp_path / "a" / "b"
    (tmp_path / "a" / ".git").touch()  # a worktree has a file there
    assert repository_root(file) == tmp_path / "a"
