"""`fabric-livy batch`: jobs from a terminal, a scheduler or CI. The exit code follows the batch that is waited for."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.batch_options import VERBS, add_options, batch_request, check_options, split_arguments
from fabric_livy_magic.cli.help_format import CommandParser
from fabric_livy_magic.cli.targets import add_target, open_account, say
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable_output

if TYPE_CHECKING:
    from fabric_livy_magic.output.progress import ProgressLine
    from fabric_livy_magic.sessions.batches import Batch, Batches


class _SubmitParser(CommandParser):
    """What follows `--` goes to the program as it is, which argparse would take for more arguments of its own."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        words, arguments = split_arguments(sys.argv[1:] if args is None else args)
        options, rest = super().parse_known_args(words, namespace)
        options.args = arguments
        return options, rest


def add_batch_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    batch = commands.add_parser(
        "batch", help="submit a script, jar or notebook as a job; list, show, logs, wait, cancel"
    )
    verbs = batch.add_subparsers(required=True, metavar="SUBCOMMAND", parser_class=_SubmitParser)
    for verb, summary in VERBS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        parser = verbs.add_parser(verb, help=summary, description=description)
        add_options(parser, verb)
        add_target(parser)
        parser.set_defaults(command=_run, verb=verb)


def _run(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.progress import progress_line

    with _batches(options.target) as batches, progress_line("auto", None) as progress:
        return _VERBS[options.verb](batches, options, progress)


@contextlib.contextmanager
def _batches(target: str | None) -> Iterator[Batches]:
    from fabric_livy_magic.sessions.batches import batches_of_terminal

    with open_account(target, needs_target=True) as account:
        yield batches_of_terminal(account, target)


# ------------------------------------------------------------------------------------------- subcommands
def _submit(batches: Batches, options: argparse.Namespace, progress: ProgressLine) -> int:
    from fabric_livy_magic.output.batches import submitted_lines

    check_options(options)
    if batches.target.is_embedded and not options.wait:
        raise SettingsError(
            "The embedded Fabric of this command ends with it, and the batch with that: add --wait, or run `fabric-livy serve` and give "
            "its address as --target."
        )
    progress.begins(f"Submitting {options.file}", is_told=False)
    batch = batches.submit(batch_request(options), on_progress=progress, say=say)
    for line in submitted_lines(batch, batches.commands, is_waited_for=options.wait):
        say(line)
    if options.wait:
        return _wait_for(batches, batch, options, progress)
    _print_data(batch, options)
    return 0


def _wait(batches: Batches, options: argparse.Namespace, progress: ProgressLine) -> int:
    return _wait_for(batches, batches.get(options.id), options, progress)


def _wait_for(batches: Batches, batch: Batch, options: argparse.Namespace, progress: ProgressLine) -> int:
    from fabric_livy_magic.output.batches import success_line

    began = time.monotonic()
    progress.begins(f"Batch {batch.name}", is_told=False)
    try:
        batch.wait(options.timeout, on_progress=progress)
    finally:
        progress.make_room()
        _print_data(batch, options)
    commands = None if batches.target.is_embedded else batches.commands
    say(success_line(batch, time.monotonic() - began, commands))
    return 0


def _list(batches: Batches, options: argparse.Namespace, progress: ProgressLine) -> int:
    from fabric_livy_magic.output.batches import batch_record, batches_list

    infos = batches.list()
    shown = batches_list(infos, batches.target.text, batches.commands)
    _print_list(shown.text, list(map(batch_record, infos)), options)
    return 0


def _show(batches: Batches, options: argparse.Namespace, progress: ProgressLine) -> int:
    from fabric_livy_magic.output.batches import batch_data, batch_facts

    batch = batches.get(options.id)
    _print_list(batch_facts(batch, batches.commands).text, batch_data(batch), options)
    return 0


def _logs(batches: Batches, options: argparse.Namespace, progress: ProgressLine) -> int:
    from fabric_livy_magic.output.batches import ended_line

    batch = batches.get(options.id)
    if options.follow:
        batch.follow(lambda line: print(printable_output(line), flush=True))
        say(ended_line(batch))
        return 0
    lines = batch.logs(options.lines)
    _print_list("\n".join(map(printable_output, lines)), lines, options)
    if not lines:
        say("The log is empty so far.")
    return 0


def _cancel(batches: Batches, options: argparse.Namespace, progress: ProgressLine) -> int:
    from fabric_livy_magic.output.batches import cancelled_line

    batch = batches.get(options.id)
    say(cancelled_line(batch, was_running=batch.cancel()))
    _print_data(batch, options)
    return 0


_VERBS: Mapping[str, Callable[[Batches, argparse.Namespace, ProgressLine], int]] = {
    "submit": _submit,
    "list": _list,
    "show": _show,
    "logs": _logs,
    "wait": _wait,
    "cancel": _cancel,
}


# ------------------------------------------------------------------------------------------- what is printed
def _print_list(text: str, data: Sequence[Any] | Mapping[str, Any], options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.lists import json_text

    if options.json:
        print(json_text(data))
    elif text:
        print(text)


def _print_data(batch: Batch, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.batches import batch_data

    if options.json:
        _print_list("", batch_data(batch), options)
