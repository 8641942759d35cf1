"""`fabric-livy pull` and `fabric-livy seed`: samples of real tables for tests."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.samples import Pulled, Seeded
    from fabric_livy_magic.sessions.session import Session

DEFAULT_FOLDER = Path("tests/data")


def add_sample_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    pull = commands.add_parser("pull", help="a sample of tables into a folder of the repository, for tests")
    pull.add_argument("tables", nargs="+", metavar="TABLE", help="table, schema.table or lakehouse.schema.table")
    pull.add_argument("--rows", metavar="N", type=int, default=100, help="most rows of each (default: 100)")
    pull.add_argument("--where", metavar="SQL", default="", help="a condition that the rows have to meet")
    hiding = (
        ("--mask", "null in place of its values"),
        ("--mask-shape", "of a text only its shape: letters become x and X, digits 0"),
        ("--hash", "a salted hash, the same for the same value in every table, so that joins stay equal"),
    )
    for option, text in hiding:
        pull.add_argument(option, metavar="COLUMN", action="append", default=[], help=f"{text}, made in Spark")
    pull.add_argument("--to", metavar="FOLDER", type=Path, default=DEFAULT_FOLDER, help=f"(default: {DEFAULT_FOLDER})")
    pull.add_argument("--target", help="where the tables are: what `%%livy use` takes (default: FABRIC_LIVY_TARGET)")
    pull.add_argument("--json", action="store_true", help="what each sample has, as JSON")
    pull.set_defaults(command=_pull)

    seed = commands.add_parser("seed", help="make tables of a folder that `pull` has written")
    seed.add_argument("folder", type=Path, help="of samples, or of one")
    seed.add_argument("--overwrite", action="store_true", help="replace tables that are there")
    seed.add_argument("--target", help="where to make them: what `%%livy use` takes (default: FABRIC_LIVY_TARGET)")
    seed.add_argument("--json", action="store_true", help="what was made, as JSON")
    seed.set_defaults(command=_seed)


@contextmanager
def _session(target: str | None) -> Iterator[Session]:
    from fabric_livy_magic import connect
    from fabric_livy_magic.output.progress import progress_line

    with progress_line("auto", None) as progress, connect(target, on_progress=progress) as session:
        progress.make_room()
        yield session


def _pull(options: argparse.Namespace) -> int:
    from fabric_livy_magic.cells.table_definition import name_parts
    from fabric_livy_magic.sessions.samples import Choice, pull

    if options.rows < 1:
        raise SettingsError("--rows is a number above 0.")
    choice = Choice(
        rows=options.rows, where=options.where, mask=options.mask, mask_shape=options.mask_shape, hash=options.hash
    )
    for name in (*options.tables, *options.mask, *options.mask_shape, *options.hash):
        name_parts(name)  # one that is none is told before a session starts
    with _session(options.target) as session:
        pulled = pull(session, options.tables, options.to, choice)
    if options.json:
        _print_json([{**asdict(one.sample), "folder": str(one.folder)} for one in pulled])
    for one in () if options.json else pulled:
        print(printable(pulled_text(one)))
    return 0


def _print_json(value: Any) -> None:
    from fabric_livy_magic.output.lists import json_text

    print(json_text(value))


def pulled_text(one: Pulled) -> str:
    sample = one.sample
    words = {"mask": "null", "mask_shape": "shape only", "hash": "hashed"}
    more = [f"partitioned by {', '.join(sample.partitioned_by)}"] if sample.partitioned_by else []
    more += [f"{words[word]}: {', '.join(names)}" for word, names in sample.changed.items()]
    told = "".join(f"; {text}" for text in more)
    return f"{sample.table}: {sample.rows:,} of {sample.of_rows:,} rows, {len(sample.columns)} columns{told} → {one.folder}"


def _seed(options: argparse.Namespace) -> int:
    from fabric_livy_magic.sessions.samples import read_samples, seed

    read_samples(options.folder)  # a wrong folder is told before a session starts

    def tell(one: Seeded) -> None:
        did = "replaced" if one.replaced else "made"
        schema = ", and its schema" if one.created_schema else ""
        out = sys.stderr if options.json else sys.stdout
        print(printable(f"{one.table}: {did}{schema}, {one.rows:,} rows"), file=out, flush=True)

    with _session(options.target) as session:
        seeded = seed(session, options.folder, overwrite=options.overwrite, tell=tell)
    if options.json:
        _print_json([asdict(one) for one in seeded])
    return 0
