"""`fabric-livy files ls | cp | cat | head | mv | rm | mkdir | du`, without a session, and `fabric-livy upload`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.file_options import VERBS, add_file_options, add_upload_options, check_upload, format_of
from fabric_livy_magic.cli.targets import add_target, open_account
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.lakehouse_files import LakehouseFiles


DONE_AS_JSON = {
    "cp": "how much was copied, as JSON",
    "mv": "what was moved where, as JSON",
    "rm": "what was removed, as JSON",
    "mkdir": "what was made, as JSON",
}


def add_file_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("files", help="list, copy, show, move and remove files of a lakehouse")
    verbs = parser.add_subparsers(required=True, metavar="SUBCOMMAND", dest="verb")
    for verb, summary in VERBS.items():
        one = verbs.add_parser(verb, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        add_file_options(one, verb)
        add_target(one)
        if verb in DONE_AS_JSON:
            one.add_argument("--json", action="store_true", help=DONE_AS_JSON[verb])
        one.set_defaults(command=_files)
    upload = commands.add_parser("upload", help="a file of this machine as a file or a table of a lakehouse")
    add_upload_options(upload, is_magic=False)
    add_target(upload)
    upload.add_argument("--json", action="store_true", help="what was made, as JSON")
    upload.set_defaults(command=_upload)


def _files(options: argparse.Namespace) -> int:
    with lakehouse_files(options.target) as files:
        _VERBS[options.verb](files, options)
    return 0


@contextmanager
def lakehouse_files(target: str | None) -> Iterator[LakehouseFiles]:
    """An embedded Fabric that was started for it ends with it; its files stay."""
    from fabric_livy_magic.sessions.lakehouse_files import LakehouseFiles

    with open_account(target) as account:
        yield LakehouseFiles(account)


def _upload(options: argparse.Namespace) -> int:
    check_upload(options)
    if options.table is None:
        options.sources, options.target_path, options.recursive = [options.file], "Files/", False
        options.force = options.overwrite
        with lakehouse_files(options.target) as files:
            _cp(files, options)
        return 0
    from fabric_livy_magic import connect
    from fabric_livy_magic.output.files import table_line
    from fabric_livy_magic.output.lists import json_text
    from fabric_livy_magic.output.progress import progress_line

    inferred = format_of(options.file) != "parquet"  # raises before a session starts
    with progress_line("auto", None) as progress:
        with connect(options.target, on_progress=progress) as session:
            made = session.upload_table(
                options.file, options.table, overwrite=options.overwrite, append=options.append, on_progress=progress
            )
        progress.make_room()
    if options.json:
        print(json_text(asdict(made)))
    else:
        print(printable(table_line(made, options.file, inferred=inferred)))
    return 0


def _ls(files: LakehouseFiles, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.files import entries_list

    found = files.list(options.path, recursive=options.recursive)
    print(entries_list(found, files.place(options.path).at).printed(as_json=options.json))


def _du(files: LakehouseFiles, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.files import sizes_list

    print(sizes_list(files.sizes(options.path), files.place(options.path).at).printed(as_json=options.json))


def _cat(files: LakehouseFiles, options: argparse.Namespace) -> None:
    """Its bytes as they are into a file or a pipe; a terminal gets text."""
    if sys.stdout.isatty():
        print(printable(files.text(options.path, most_bytes=None)[0]))
        return
    sys.stdout.flush()
    for part in files.parts(options.path):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def _head(files: LakehouseFiles, options: argparse.Namespace) -> None:
    print(printable(files.head(options.path, options.lines)))


def _cp(files: LakehouseFiles, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.files import copied_line
    from fabric_livy_magic.output.lists import json_text
    from fabric_livy_magic.output.progress import progress_line
    from fabric_livy_magic.sessions.file_copies import plan_copies

    began = time.monotonic()
    with progress_line("auto", None) as progress:
        copies = plan_copies(
            files, options.sources, options.target_path, recursive=options.recursive, overwrite=options.force
        )
        copies.run(overwrite=options.force, on_progress=progress)
        progress.make_room()
    took_s = time.monotonic() - began
    if options.json:
        told = {"files": len(copies.files), "size_bytes": copies.size_bytes, "to": options.target_path}
        print(json_text({**told, "duration_s": round(took_s, 1)}))
    else:
        print(printable(copied_line(copies, options.target_path, took_s)))


def _mv(files: LakehouseFiles, options: argparse.Namespace) -> None:
    moved = files.move(options.sources, options.target_path, overwrite=options.force)
    pairs = list(zip(options.sources, moved, strict=True))
    lines = [f"Moved {source} to {target}" for source, target in pairs]
    _print_done(lines, [{"source": source, "target": target} for source, target in pairs], options)


def _rm(files: LakehouseFiles, options: argparse.Namespace) -> None:
    files.remove(options.paths, recursive=options.recursive)
    _print_done([f"Removed {', '.join(options.paths)}"], {"removed": options.paths}, options)


def _mkdir(files: LakehouseFiles, options: argparse.Namespace) -> None:
    files.make_folders(options.paths)
    _print_done([f"Made {', '.join(options.paths)}"], {"made": options.paths}, options)


def _print_done(lines: Sequence[str], data: Any, options: argparse.Namespace) -> None:
    from fabric_livy_magic.output.lists import json_text

    for line in [json_text(data)] if options.json else map(printable, lines):
        print(line)


_VERBS: Mapping[str, Callable[[LakehouseFiles, argparse.Namespace], None]] = {
    "ls": _ls,
    "cp": _cp,
    "cat": _cat,
    "head": _head,
    "mv": _mv,
    "rm": _rm,
    "mkdir": _mkdir,
    "du": _du,
}
