"""`fabric-livy convert` and `fabric-livy check`: notebooks without running them."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import NotebookError, SettingsError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.notebooks.files import NotebookFile
    from fabric_livy_magic.notebooks.model import Notebook
    from fabric_livy_magic.notebooks.need import Need
    from fabric_livy_magic.notebooks.needs import Report

MOST_CHARACTERS = 70  # of the column of needs, in the table of several notebooks
OUTSIDE = ("HTTP", "Fabric REST", "secret", "storage", "database", "Kusto")
VERDICTS = {
    "there": "there",
    "here": "not on Fabric",
    "provide": "to provide",
    "fabric": "on Fabric only",
    "problem": "problem",
}


def add_notebook_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    convert = commands.add_parser("convert", help="a notebook from .ipynb to Fabric's Git format, or back")
    convert.add_argument("source", type=Path, help="an .ipynb, or a folder x.Notebook")
    convert.add_argument("target", type=Path, help="what to write: x.ipynb, x.Notebook or …/notebook-content.py")
    convert.add_argument("--force", action="store_true", help="write over what is there")
    convert.add_argument("--json", action="store_true", help="what was written, and what was left out, as JSON")
    convert.set_defaults(command=_convert)

    check = commands.add_parser("check", help="what notebooks need, and which of it is there; runs nothing")
    check.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a notebook, or a folder with any number")
    check.add_argument(
        "--runtime",
        choices=("1.3", "2.0"),
        help="Fabric's runtime to run on (default: the one that this Python stands for)",
    )
    check.add_argument("--json", action="store_true", help="all of it as JSON")
    check.set_defaults(command=_check)


def _convert(options: argparse.Namespace) -> int:
    from fabric_livy_magic.notebooks.files import read_notebook, target_file, write_notebook
    from fabric_livy_magic.notebooks.git_format import git_losses
    from fabric_livy_magic.notebooks.model import with_portal_metadata

    notebook = read_notebook(options.source)
    if notebook.problems:
        problems = "; ".join(f"line {problem.line}: {problem.text}" for problem in notebook.problems)
        raise NotebookError(f"{options.source} has to be mended first, since parts of it would be lost. {problems}")
    target = target_file(options.target, notebook)
    if target.exists() and not options.force:
        raise SettingsError(f"{target} is there already; --force writes over it.")
    write_notebook(options.target, with_portal_metadata(notebook))
    losses = git_losses(notebook) if target.suffix != ".ipynb" else []
    where = _difference_when_back(notebook, target) if target.suffix == ".ipynb" else ""
    if options.json:
        print(
            json.dumps(
                {
                    "file": str(target),
                    "cells": len(notebook.cells),
                    "left_out": losses,
                    "differs_when_back_from": where or None,
                },
                indent=2,
            )
        )
        return 0
    left_out = f" Left out, since that format has no place for it: {'; '.join(losses)}." if losses else ""
    if where:
        left_out = f" Converted back it is not the same file, from {where}."
    print(printable(f"{target}: {_count_of(len(notebook.cells), 'cell')}.{left_out}"))
    return 0


def _difference_when_back(notebook: Notebook, ipynb: Path) -> str:
    """Where the Git format of what was written differs from the text that it came from; empty where nothing does."""
    from fabric_livy_magic.notebooks.committed_form import difference, write_committed
    from fabric_livy_magic.notebooks.files import read_notebook
    from fabric_livy_magic.notebooks.model import with_portal_metadata

    original = notebook.original
    if original is None or original.suffix == ipynb.suffix:
        return ""
    again = with_portal_metadata(read_notebook(ipynb))
    return difference(original.text, write_committed(again))


def _check(options: argparse.Namespace) -> int:
    from fabric_livy_magic.notebooks.fabric_runtime import RUNTIMES
    from fabric_livy_magic.notebooks.need import PROBLEM
    from fabric_livy_magic.notebooks.needs import Checker

    checker = Checker(RUNTIMES[options.runtime] if options.runtime else None)
    reports = [checker.check(file) for file in _files(options.paths)]
    print(json.dumps(_as_json(reports), indent=2) if options.json else _as_text(reports))
    return 1 if any(report.verdict == PROBLEM for report in reports) else 0


def _files(paths: Sequence[Path]) -> list[NotebookFile]:
    """Each notebook once. Raises SettingsError for a path without any."""
    from fabric_livy_magic.notebooks.files import find_notebooks, is_git_folder, notebook_file

    found: dict[Path, NotebookFile] = {}
    for path in paths:
        files = find_notebooks(path) if path.is_dir() and not is_git_folder(path) else [notebook_file(path)]
        if not files:
            raise SettingsError(f"There is no notebook below {path}.")
        found.update({file.path: file for file in files})
    return list(found.values())


def _as_json(reports: Sequence[Report]) -> dict[str, Any]:
    from fabric_livy_magic.notebooks.fabric_runtime import session_differences

    return {
        "notebooks": [
            {
                "path": _shown_path(report.file.path),
                "name": report.file.name,
                "language": report.language,
                "code_cells": report.code_cells,
                "verdict": report.verdict,
                "needs": [asdict(need) for need in report.needs],
            }
            for report in reports
        ],
        "verdicts": dict(Counter(report.verdict for report in reports)),
        "runtime": session_differences(),
    }


def _as_text(reports: Sequence[Report]) -> str:
    from fabric_livy_magic.notebooks.fabric_runtime import session_differences
    from fabric_livy_magic.notebooks.need import AVAILABLE
    from fabric_livy_magic.output.tables import text_table

    parts = []
    names = Counter(report.file.name for report in reports)
    label = {
        report.file.path: report.file.name if names[report.file.name] == 1 else _shown_path(report.file.path)
        for report in reports
    }
    if len(reports) == 1:
        rows = [[VERDICTS[need.verdict], need.what, need.name, _cells(need), need.text] for need in reports[0].needs]
        parts.append(text_table(["", "need", "name", "cells", "what it means"], rows) if rows else "It needs nothing.")
    else:
        rows = [[VERDICTS[one.verdict], label[one.file.path], _names(one, "language"), _needed(one)] for one in reports]
        parts.append(text_table(["", "notebook", "languages", "needs"], rows))
        missing = [
            [VERDICTS[need.verdict], label[report.file.path], _cells(need), f"{need.what} {need.name}", need.text]
            for report in reports
            for need in report.needs
            if need.verdict != AVAILABLE
        ]
        if missing:
            parts.append(text_table(["", "notebook", "cells", "need", "what it means"], missing))
    counts = Counter(report.verdict for report in reports)
    totals = [f"{counts[verdict]} {words}" for verdict, words in _COUNTED_VERDICTS.items() if counts[verdict]]
    total = f"{_count_of(len(reports), 'notebook')}: {', '.join(totals)}."
    parts.append("\n".join(filter(None, [session_differences(), total])))
    return "\n\n".join(parts)


_COUNTED_VERDICTS = {
    "there": "with all that is needed",
    "here": "with something that Fabric has not",
    "provide": "with something to provide",
    "fabric": "on Fabric only",
    "problem": "with problems",
}


def _needed(report: Report) -> str:
    """In one line: the notebooks that it runs, its lakehouse, and what it uses besides Spark."""
    subjects = ("%run", "lakehouse", "environment", "notebookutils", *OUTSIDE, "package", "magic")
    text = "; ".join(f"{what} {names}" for what in subjects if (names := _names(report, what)))
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _names(report: Report, what: str) -> str:
    return ", ".join(dict.fromkeys(need.name for need in report.needs if need.what == what))


def _cells(need: Need) -> str:
    shown = ", ".join(map(str, need.cells[:5]))
    return f"{shown}, … ({len(need.cells)})" if len(need.cells) > 5 else shown


def _count_of(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shown_path(path: Path) -> str:
    """Relative if it is below the working folder."""
    folder = Path.cwd()
    return os.fspath(path.relative_to(folder) if path.is_relative_to(folder) else path)
