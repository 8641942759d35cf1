"""`%livy spark | logs | runs`: what Spark does, what was written about it, and what ran."""

from __future__ import annotations

import argparse
import re
from typing import Any

from fabric_livy_magic.cells.monitoring_options import log_source
from fabric_livy_magic.livy.batches import NOTEBOOK
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.bundles import show
from fabric_livy_magic.output.lists import JsonRecords, give
from fabric_livy_magic.output.runs import run_data, run_facts, run_record, runs_list
from fabric_livy_magic.output.spark import report_bundle, report_data
from fabric_livy_magic.printable import printable_output
from fabric_livy_magic.sessions.runs import Run, Runs
from fabric_livy_magic.sessions.session import Session

_ID = re.compile(r"[0-9]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def spark(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    report = _which(notebook, options.session).spark()
    if options.json:
        return JsonRecords([report_data(report)])
    return show(report_bundle(report))


def logs(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    source, executor = log_source(options), options.executor or ""
    one = _which(notebook, options.session)
    if options.follow:
        one.follow(_print, source, executor=executor, lines=options.lines)
        return notebook.say("It has ended: nothing more comes.")
    lines = one.logs(source, executor=executor, lines=options.lines)
    if options.json:
        return JsonRecords([{"line": line} for line in lines])
    return notebook.say(*(lines or ["The log is empty."]))


def runs(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    found = _runs(notebook)
    if options.id:
        one = found.get(options.id)
        return JsonRecords([run_data(one)]) if options.json else give(run_facts(one, NOTEBOOK), as_data=False)
    infos = found.list()
    if options.json:
        return JsonRecords(map(run_record, infos[: options.limit]))
    return give(runs_list(infos, found.target.text, NOTEBOOK, options.limit), as_data=False)


def _which(notebook: LivyNotebook, name: str | None) -> Session | Run:
    """A session of this notebook, also a lost one, or a run of the target by its id."""
    sessions = notebook.runner.sessions
    if name and name not in sessions and _ID.fullmatch(name):
        own = next((session for session in sessions.values() if session.id == name), None)
        return own or _runs(notebook).get(name)
    return sessions.find_also_lost(name)


def _runs(notebook: LivyNotebook) -> Runs:
    account = notebook.runner.account
    return Runs(account, account.target)


def _print(line: str) -> None:
    print(printable_output(line), flush=True)
