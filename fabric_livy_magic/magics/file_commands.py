"""`%livy files ls | cp | cat | head | mv | rm | mkdir | du` and `%livy upload`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.cells.file_options import format_of
from fabric_livy_magic.cells.magic_parser import quoted_word
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.bundles import show
from fabric_livy_magic.output.files import MOST_LISTED, copied_line, cut_list, entries_list, sizes_list, table_line
from fabric_livy_magic.output.lists import give
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.output.short_texts import bytes_text
from fabric_livy_magic.printable import printable
from fabric_livy_magic.sessions.file_copies import plan_copies
from fabric_livy_magic.sessions.lakehouse_files import LakehouseFiles


def files(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    return _VERBS[options.verb](notebook, lakehouse_files(notebook), options)


def lakehouse_files(notebook: LivyNotebook) -> LakehouseFiles:
    runner = notebook.runner
    return LakehouseFiles(runner.account, runner.sessions.lakehouse_id())


def upload(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    """A file of this machine, else a frame of this notebook."""
    is_file = Path(options.file).expanduser().exists() or options.file not in notebook.variables
    with notebook.progress() as progress:
        if options.table is None:
            _upload_file(notebook, options, progress, is_file=is_file)
            return
        source = options.file if is_file else notebook.variables[options.file]
        inferred = is_file and format_of(options.file) != "parquet"
        notebook.start_if_none(options.session, progress)
        made = notebook.runner.upload_table(
            source,
            options.table,
            options.session,
            overwrite=options.overwrite,
            append=options.append,
            on_progress=progress,
        )
        progress.note(table_line(made, options.file, inferred=inferred))


def _upload_file(notebook: LivyNotebook, options: argparse.Namespace, progress: ProgressLine, *, is_file: bool) -> None:
    if not is_file:
        raise SettingsError(f"{options.file} is a frame of this notebook: `--table NAME` makes a table of it.")
    began = time.monotonic()
    copies = plan_copies(lakehouse_files(notebook), [options.file], "Files/", overwrite=options.overwrite)
    copies.run(overwrite=options.overwrite, on_progress=progress)
    progress.note(copied_line(copies, "Files/", time.monotonic() - began))


def _ls(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> Any:
    most = None if options.json else MOST_LISTED + 1
    found = files.list(options.path, recursive=options.recursive, most=most)
    path = files.place(options.path).at
    return give(entries_list(found, path) if options.json else cut_list(found, path), as_data=options.json)


def _du(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> Any:
    return give(sizes_list(files.sizes(options.path), files.place(options.path).at), as_data=options.json)


def _cat(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> None:
    text, more_bytes = files.text(options.path)
    show({"text/plain": printable(text)})
    if more_bytes:
        notebook.say(
            f"… and {bytes_text(more_bytes)} more. `%livy files cp {quoted_word(options.path)} .` copies the file here."
        )


def _head(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> None:
    show({"text/plain": printable(files.head(options.path, options.lines))})


def _cp(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> None:
    began = time.monotonic()
    with notebook.progress() as progress:
        copies = plan_copies(
            files, options.sources, options.target_path, recursive=options.recursive, overwrite=options.force
        )
        copies.run(overwrite=options.force, on_progress=progress)
        progress.note(copied_line(copies, options.target_path, time.monotonic() - began))


def _mv(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> None:
    moved = files.move(options.sources, options.target_path, overwrite=options.force)
    notebook.say(*(f"Moved {source} to {target}" for source, target in zip(options.sources, moved, strict=True)))


def _rm(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> None:
    files.remove(options.paths, recursive=options.recursive)
    notebook.say(f"Removed {', '.join(options.paths)}")


def _mkdir(notebook: LivyNotebook, files: LakehouseFiles, options: argparse.Namespace) -> None:
    files.make_folders(options.paths)
    notebook.say(f"Made {', '.join(options.paths)}")


_VERBS: Mapping[str, Callable[[LivyNotebook, LakehouseFiles, argparse.Namespace], Any]] = {
    "ls": _ls,
    "cp": _cp,
    "cat": _cat,
    "head": _head,
    "mv": _mv,
    "rm": _rm,
    "mkdir": _mkdir,
    "du": _du,
}
