"""`fabric-livy convert` and `fabric-livy check` as typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fabric_livy_magic.cli.main import main
from fabric_livy_magic.notebooks.fabric_runtime import session_differences
from fabric_livy_magic.notebooks.files import read_notebook, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook

Capture = pytest.CaptureFixture[str]
FILES = Path(__file__).parents[1] / "notebook_files"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("target", ["new/x.Notebook", "new/x.Notebook/notebook-content.py", "new/notebook-content.py"])
def test_an_export_becomes_a_committed_notebook(target: str, capsys: Capture) -> None:
    assert main(["convert", "exported/parameters.ipynb", target]) == 0
    content = next(Path("new").rglob("notebook-content.py"))
    assert content.read_bytes() == Path("committed/parameters.Notebook/notebook-content.py").read_bytes()
    assert (content.parent / ".platform").exists()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_the_git_format_cannot_hold_is_reported_in_one_line(capsys: Capture) -> None:
    assert main(["convert", "exported/plain.ipynb", "x.Notebook"]) == 0
    content = Path("x.Notebook") / "notebook-content.py"
    assert capsys.readouterr().out.splitlines() == [
        f"{content}: 5 cells. Left out, since that format has no place for it: metadata of the .ipynb (spark_compute)."
    ]
    assert main(["convert", "exported/attachments.ipynb", "y.Notebook"]) == 0
    assert "metadata" in capsys.readouterr().out


def test_a_committed_notebook_becomes_an_ipynb(capsys: Capture) -> None:
    assert main(["convert", "committed/scala.Notebook", "scala.ipynb"]) == 0
    assert capsys.readouterr().out == "scala.ipynb: 4 cells.\n"
    assert read_notebook(Path("scala.ipynb")) == read_notebook(Path("committed/scala.Notebook"))


def test_a_committed_notebook_comes_back_from_an_ipynb_byte_by_byte_or_convert_says_from_where_not(
    capsys: Capture,
) -> None:
    stars = "*" * 20
    text = f"# Fabric notebook source by hand\n\n# CELL {stars}\n\nx = 1\n\n# CELL {stars}\n\n\t%%sql\nSELECT 1"
    hand, again = Path("hand.Notebook/notebook-content.py"), Path("again.Notebook/notebook-content.py")
    hand.parent.mkdir()
    hand.write_bytes(text.encode())
    assert main(["convert", "hand.Notebook", "hand.ipynb"]) == main(["convert", "hand.ipynb", "again.Notebook"]) == 0
    assert again.read_bytes() == hand.read_bytes()
    assert capsys.readouterr().out.splitlines() == ["hand.ipynb: 2 cells.", f"{again}: 2 cells."]
    assert main(["convert", "hand.Notebook", "hand.ipynb", "--force", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": "hand.ipynb", "cells": 2, "left_out": [], "differs_when_back_from": None}

    meta = f'// METADATA {stars}\n\n// META {{"kernel_info": {{"name": "sqldatawarehouse"}}}}\n\n'
    mixed = Path("mixed.Notebook/notebook-content.scala")
    mixed.parent.mkdir()
    mixed.write_text(f"// Fabric notebook source\n\n{meta}// CELL {stars}\n\n1\n", encoding="utf-8")
    assert main(["convert", "mixed.Notebook", "mixed.ipynb"]) == 0
    assert "Converted back it is not the same file, from line 1: // Fabric notebook source." in capsys.readouterr().out


def test_nothing_is_written_over_without_force(capsys: Capture) -> None:
    for target in ("committed/plain.Notebook", "exported/plain.ipynb"):
        before = read_notebook(Path(target))
        assert main(["convert", "committed/parameters.Notebook", target]) == 2
        assert "--force writes over it" in capsys.readouterr().err
        assert read_notebook(Path(target)) == before
        assert main(["convert", "committed/parameters.Notebook", target, "--force"]) == 0
        assert read_notebook(Path(target)) != before


@pytest.mark.parametrize(
    ("source", "target", "code", "says"),
    [
        ("nosuch.ipynb", "x.Notebook", 2, "There is no notebook"),
        ("exported/plain.ipynb", "x.txt", 2, "no form of a notebook: name an .ipynb"),
        ("exported/plain.ipynb", "x.py", 2, "no form of a notebook"),
        ("exported/scala.ipynb", "x/notebook-content.py", 2, "that is notebook-content.scala"),
        ("broken.ipynb", "x.Notebook", 1, "This is no notebook"),
        ("broken.py", "x.ipynb", 1, "broken.py has to be mended first, since parts of it would be lost. line 3: "),
    ],
)
def test_what_cannot_be_converted_is_reported(source: str, target: str, code: int, says: str, capsys: Capture) -> None:
    Path("broken.ipynb").write_text("{", encoding="utf-8")
    stars = "*" * 20
    Path("broken.py").write_text(f"# Fabric notebook source\n\n# METADATA {stars}\n\n# META {{\n", encoding="utf-8")
    assert main(["convert", source, target]) == code
    assert says in capsys.readouterr().err
    assert not Path(target).exists()


def test_check_shows_one_notebook_whole(capsys: Capture) -> None:
    assert main(["check", "committed/line_magics.Notebook"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["need", "name", "cells", "what", "it", "means"]
    assert any(line.split() == ["there", "%run", "Load", "orders", "4"] for line in lines)
    assert lines[-1] == "1 notebook: 1 with all that is needed."


def test_check_of_a_folder_has_a_line_for_each_notebook_and_then_what_is_not_there(capsys: Capture) -> None:
    assert main(["check", "committed"]) == 1
    table, missing, total = capsys.readouterr().out.split("\n\n")
    assert len(table.splitlines()) == 2 + 14
    assert "warehouse" in missing
    assert "Load orders" not in missing
    *differences, counts = total.splitlines()
    assert differences == list(filter(None, [session_differences()]))
    assert counts == "14 notebooks: 9 with all that is needed, 3 on Fabric only, 2 with problems."


def test_check_names_notebooks_of_one_name_by_their_paths(capsys: Capture) -> None:
    main(["check", "."])
    out = capsys.readouterr().out
    assert str(Path("exported/plain.ipynb")) in out
    assert str(Path("committed/plain.Notebook/notebook-content.py")) in out


def test_check_gives_json(capsys: Capture) -> None:
    assert main(["check", "committed/warehouse.Notebook", "exported/plain.ipynb", "--json"]) == 1
    checked = json.loads(capsys.readouterr().out)
    assert checked["verdicts"] == {"problem": 1, "there": 1}
    first, second = checked["notebooks"]
    assert (first["name"], first["language"], first["verdict"]) == ("warehouse", "tsql", "problem")
    assert (second["path"], second["code_cells"]) == (str(Path("exported/plain.ipynb")), 4)
    assert {"what": "lakehouse", "name": "sales", "verdict": "there", "text": "", "cells": []} in second["needs"]


def test_check_takes_each_notebook_once(capsys: Capture) -> None:
    assert main(["check", "exported/plain.ipynb", "exported", "exported/plain.ipynb", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["notebooks"]) == 14


def test_check_of_nothing_is_wrong_use(capsys: Capture) -> None:
    Path("empty").mkdir()
    assert main(["check", "empty"]) == 2
    assert "There is no notebook below empty" in capsys.readouterr().err
    assert main(["check", "nosuch"]) == 2


def test_check_says_what_runs_here_and_not_on_the_runtime_that_is_asked_for(capsys: Capture) -> None:
    write_notebook(Path("own.Notebook"), Notebook(cells=(Cell(source="import torch, cgi\nopen('/home/ann/a.csv')"),)))
    found = {}
    for runtime in ("1.3", "2.0"):
        assert main(["check", "own.Notebook", "--runtime", runtime]) == 0
        out = capsys.readouterr().out
        found[runtime] = [line.split()[3:6] for line in out.splitlines() if line.startswith("not on Fabric")]
        assert "1 notebook: 1 with something" in out
    assert found["1.3"] == [["place", "/home/ann/a.csv", "1"]]
    assert ["Python", "cgi", "1"] in found["2.0"]
