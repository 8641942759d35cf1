"""`fabric-livy spark | logs | runs`: what a session does and did, from a terminal. Standard output is data alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.monitoring_options import SUMMARIES, add_monitoring_options, log_source
from fabric_livy_magic.cli.targets import add_target, open_account, say
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable_output

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.runs import Runs


def add_monitoring_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, summary in SUMMARIES.items():
        parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        add_monitoring_options(parser, name, is_magic=False)
        add_target(parser)
        parser.set_defaults(command=_run, verb=name)


def _run(options: argparse.Namespace) -> int:
    from fabric_livy_magic.sessions.kept_sessions import find_kept
    from fabric_livy_magic.sessions.runs import runs_of_terminal

    kept = find_kept(options.id or "")
    if kept is not None and options.target is None:
        options.target, options.id = kept.server, kept.id
    with open_account(options.target, needs_target=True) as account:
        if account.target.is_embedded:
            raise SettingsError(_of_no_embedded_fabric())
        _COMMANDS[options.verb](runs_of_terminal(account, options.target), options)
    return 0


def _of_no_embedded_fabric() -> str:
    from fabric_livy_magic.sessions.kept_sessions import kept_sessions

    names = [one.name for one in kept_sessions() if one.is_embedded and not one.server_has_ended]
    kept = (
        f"Name the session that goes on, without --target: {', '.join(names)}."
        if names
        else "`fabric-livy start NAME --target local` starts a session that goes on; then NAME is enough."
    )
    return (
        "The embedded Fabric of this command would be a new one, in which nothing runs. Give the address of the one that you mean, which "
        f"`fabric-livy serve` prints, as --target. {kept}"
    )


def _spark(runs: Runs, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.spark import report_data, report_text

    report = runs.get_running(options.id).spark()
    _print(report_text(report), report_data(report), options)


def _logs(runs: Runs, options: argparse.Namespace) -> None:
    source, executor = log_source(options), options.executor or ""
    one = runs.get_running(options.id)
    if options.follow:
        one.follow(_print_line, source, executor=executor, lines=options.lines)
        return say("It has ended: nothing more comes.")
    lines = one.logs(source, executor=executor, lines=options.lines)
    _print("\n".join(map(printable_output, lines)), lines, options)
    return None if lines else say("The log is empty.")


def _runs(runs: Runs, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.runs import run_data, run_facts, run_record, runs_list

    if options.id:
        one = runs.get(options.id)
        return _print(run_facts(one, runs.commands).text, run_data(one), options)
    infos = runs.list()
    shown = runs_list(infos, runs.target.text, runs.commands, options.limit)
    return _print(shown.text, list(map(run_record, infos[: options.limit])), options)


_COMMANDS: Mapping[str, Callable[[Runs, argparse.Namespace], None]] = {"spark": _spark, "logs": _logs, "runs": _runs}


def _print(text: str, data: Any, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.lists import json_text

    if options.json:
        print(json_text(data))
    elif text:
        print(text)


def _print_line(line: str) -> None:
    print(printable_output(line), flush=True)
