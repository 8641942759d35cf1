"""`%livy batch …` and `%%livy_batch`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

from fabric_livy_magic.cells.batch_options import batch_request, read_batch_cell
from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.livy.batches import NOTEBOOK
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.batches import (
    batch_data,
    batch_facts,
    batch_record,
    batches_list,
    cancelled_line,
    ended_line,
    submitted_lines,
    success_line,
)
from fabric_livy_magic.output.lists import JsonRecords, give
from fabric_livy_magic.printable import printable_output
from fabric_livy_magic.sessions.batches import Batch, Batches


def batch(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    return _VERBS[options.verb](notebook, options)


def batch_cell(notebook: LivyNotebook, line: str, cell: str) -> Any:
    """`%%livy_batch`."""
    try:
        options = read_batch_cell(line)
    except HelpRequested as text:
        return print(text)
    if not cell.strip():
        raise SettingsError("%%livy_batch has no body: write the program on the lines below it.")
    notebook.say_what_was_ignored()
    return _submit(notebook, options, cell)


def _batches(notebook: LivyNotebook) -> Batches:
    account = notebook.runner.account
    return Batches(account, account.target)


def _submit(notebook: LivyNotebook, options: argparse.Namespace, cell: str | None = None) -> Any:
    file = "" if cell is None else f"cell-{notebook.cell_number}.py"
    with notebook.progress() as progress:
        progress.begins(f"Submitting {file or options.file}", is_told=False)
        one = _batches(notebook).submit(
            batch_request(options, file), cell=cell, on_progress=progress, say=progress.note
        )
        if not options.json:
            for text in submitted_lines(one, NOTEBOOK, is_waited_for=options.wait):
                progress.note(text)
    return _wait_for(notebook, one, options) if options.wait else _value(one, options)


def _wait_for(notebook: LivyNotebook, one: Batch, options: argparse.Namespace) -> Any:
    began = time.monotonic()
    with notebook.progress() as progress:
        progress.begins(f"Batch {one.name}", is_told=False)
        one.wait(options.timeout, on_progress=progress)
        if not options.json:
            progress.note(success_line(one, time.monotonic() - began, NOTEBOOK))
    return _value(one, options)


def _value(one: Batch, options: argparse.Namespace) -> Any:
    return JsonRecords([batch_data(one)]) if options.json else None


def _wait(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    return _wait_for(notebook, _batches(notebook).get(options.id), options)


def _list(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    batches = _batches(notebook)
    infos = batches.list()
    if options.json:
        return JsonRecords(map(batch_record, infos))
    return give(batches_list(infos, batches.target.text, NOTEBOOK), as_data=False)


def _show(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    one = _batches(notebook).get(options.id)
    return _value(one, options) if options.json else give(batch_facts(one, NOTEBOOK), as_data=False)


def _logs(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    one = _batches(notebook).get(options.id)
    if options.follow:
        one.follow(lambda line: print(printable_output(line), flush=True))
        return _value(one, options) if options.json else notebook.say(ended_line(one))
    lines = one.logs(options.lines)
    if options.json:
        return JsonRecords([{"line": line} for line in lines])
    return notebook.say("\n".join(lines) or "The log is empty so far.")


def _cancel(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    one = _batches(notebook).get(options.id)
    text = cancelled_line(one, was_running=one.cancel())
    return _value(one, options) if options.json else notebook.say(text)


_VERBS: Mapping[str, Callable[[LivyNotebook, argparse.Namespace], Any]] = {
    "submit": _submit,
    "list": _list,
    "show": _show,
    "logs": _logs,
    "wait": _wait,
    "cancel": _cancel,
}
