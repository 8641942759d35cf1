"""Samples of real tables for tests: `pull` takes one out of a session's tables into a folder, `seed` makes tables of a folder."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.cells.table_definition import columns_of, create_table, insert_from, name_parts, quoted
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.frames.sample_files import Sample, folder_name, read_sample, sample_folders, write_sample
from fabric_livy_magic.own_folders import user_folder, write_private
from fabric_livy_magic.running.table_samples import VIEW, existing_tables, load_sample, take_sample
from fabric_livy_magic.sessions.session import Session

SALT_VARIABLE = "FABRIC_LIVY_HASH_SALT"
HIDING = ("mask", "mask_shape", "hash")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which rows, and what of them does not leave Spark. Columns are names, or `struct.field`."""

    rows: int = 100
    where: str = ""
    mask: Sequence[str] = ()
    mask_shape: Sequence[str] = ()
    hash: Sequence[str] = ()

    def hiding(self) -> dict[str, list[list[str]]]:
        """Raises SettingsError for what is no name."""
        return {word: [name_parts(one) for one in getattr(self, word)] for word in HIDING}


@dataclass(frozen=True)
class Pulled:
    """A sample that was written to `folder`."""

    sample: Sample
    folder: Path


@dataclass(frozen=True)
class Seeded:
    """A table that was made of a sample."""

    table: str
    rows: int
    replaced: bool
    created_schema: bool


def pull(session: Session, tables: Sequence[str], folder: Path, choice: Choice = Choice()) -> list[Pulled]:
    """Writes a sample of each table into a folder below `folder`. Where one of them fails, none is written. Raises SettingsError for a
    column to hide that no table has, StatementError for a table that is not there, FrameError."""
    parts_of = {table: name_parts(table) for table in tables}
    request = {"rows": choice.rows, "where": choice.where, "salt": _salt() if choice.hash else "", **choice.hiding()}
    taken = [take_sample(session.repl, {**request, "table": quoted(parts)}) for parts in parts_of.values()]
    _refuse_unknown(choice, [about["changed"] for about, _ in taken], tables)
    samples = [
        (_sample(parts, about, rows), rows) for parts, (about, rows) in zip(parts_of.values(), taken, strict=True)
    ]
    pulled = [Pulled(sample, folder / folder_name(name_parts(sample.table))) for sample, _ in samples]
    for one, (sample, rows) in zip(pulled, samples, strict=True):
        write_sample(one.folder, sample, rows)
    return pulled


def _refuse_unknown(choice: Choice, changed: Sequence[Mapping[str, Any]], tables: Sequence[str]) -> None:
    for word, paths in choice.hiding().items():
        for path in paths:
            if not any(path in one.get(word, ()) for one in changed):
                has = f"{tables[0]} has no" if len(tables) == 1 else f"None of {', '.join(tables)} has a"
                option = word.replace("_", "-")
                raise SettingsError(f"--{option} {'.'.join(path)}: {has} column of this name. Nothing was written.")


def _sample(parts: Sequence[str], about: Mapping[str, Any], rows: Any) -> Sample:
    return Sample(
        table=plain(parts),
        schema=about["schema"],
        columns=list(columns_of(about["schema"])),
        partitioned_by=about["partitioned_by"],
        rows=rows.num_rows,
        of_rows=about["of_rows"],
        changed={word: [plain(path) for path in paths] for word, paths in about["changed"].items()},
    )


def plain(parts: Sequence[str]) -> str:
    """Without backticks where none are needed."""
    return ".".join(part if part.isidentifier() else quoted([part]) for part in parts)


def read_samples(folder: Path) -> list[tuple[Sample, Any]]:
    """Each with its rows, an Arrow table. Raises FrameError."""
    return [read_sample(one) for one in sample_folders(folder)]


def seed(
    session: Session, folder: Path, *, overwrite: bool = False, tell: Callable[[Seeded], None] | None = None
) -> list[Seeded]:
    """Makes a table of each sample in the folder; `tell` is called after each. Raises SettingsError where one is there and `overwrite`
    is not chosen: then none is made; FrameError for what is no sample."""
    samples = read_samples(folder)
    requests = [_request(sample) for sample, _ in samples]
    there = existing_tables(session.repl, [request["table"] for request in requests])
    taken = [sample.table for (sample, _), request in zip(samples, requests, strict=True) if request["table"] in there]
    if taken and not overwrite:
        raise SettingsError(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already, and nothing was changed. --overwrite replaces "
            f"{'it' if len(taken) == 1 else 'them'} with all rows."
        )
    done = []
    for (sample, rows), request in zip(samples, requests, strict=True):
        did = load_sample(session.repl, rows, request)
        done.append(Seeded(sample.table, rows.num_rows, did["replaced"], did["created_schema"]))
        if tell:
            tell(done[-1])
    return done


def _request(sample: Sample) -> dict[str, str]:
    parts = name_parts(sample.table)
    return {
        "table": quoted(parts),
        "schema": quoted(parts[:-1]),
        "create": create_table(parts, sample.schema, sample.partitioned_by),
        "insert": insert_from(VIEW, parts, sample.schema),
    }


def _salt() -> str:
    """The same for each pull of this user, so that keys of tables that were pulled on other days are equal; for a team by the variable.
    It is in no sample. Hexadecimal: it stands in SQL."""
    chosen = os.environ.get(SALT_VARIABLE)
    if not chosen:
        file = user_folder("state") / "hash_salt"
        if not file.is_file():
            write_private(file, secrets.token_hex(16))
        chosen = file.read_text(encoding="utf-8")
    return hashlib.sha256(chosen.encode("utf-8")).hexdigest()
