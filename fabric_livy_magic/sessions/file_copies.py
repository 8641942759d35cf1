"""Copies between this machine and lakehouses, and within them: one file, several, or folders with all that is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fabric_livy_magic.errors import FabricLivyError, Interrupted, SettingsError
from fabric_livy_magic.fabric import transfers
from fabric_livy_magic.fabric.onelake_calls import Entry
from fabric_livy_magic.fabric.onelake_paths import is_file_name, is_lakehouse_path
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.sessions.lakehouse_files import LakehouseFiles, Place, relative_parts, takes_into

End = Path | Place
"""One end of a copy: on this machine, or in a lakehouse."""


@dataclass(frozen=True)
class FileCopy:
    source: End
    entry: Entry | None
    """Of a source in a lakehouse."""
    target: End
    size_bytes: int


@dataclass
class Copies:
    """What a copy is to do, checked, and what is done of it."""

    files: list[FileCopy] = field(default_factory=list)
    folders: list[End] = field(default_factory=list)
    """To be made, also where nothing is in them."""
    done: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.files)

    def run(self, *, overwrite: bool = False, on_progress: Listener | None = None) -> None:
        """Small files side by side, then the large ones, each in parts. Each is there as a whole or not at all."""
        amount = transfers.Amount(self._state, self.size_bytes, on_progress)

        def carry(one: FileCopy) -> None:
            _carry(one, amount, overwrite=overwrite)
            self.done += 1

        try:
            for folder in self.folders:
                _make_folder(folder)
            small = [one for one in self.files if one.size_bytes <= transfers.PART_BYTES]
            transfers.side_by_side(small if len(self.files) > 1 else (), carry, amount.report)
            for one in self.files if len(self.files) == 1 else [one for one in self.files if one not in small]:
                carry(one)
        except KeyboardInterrupt:
            raise Interrupted(f"{self._so_far} None is there by half.") from None
        except FabricLivyError as error:
            if len(self.files) > 1:
                error.args = (f"{error} {self._so_far}",)
            raise
        for target in {one.target.onelake for one in self.files if isinstance(one.target, Place)}:
            transfers.sweep(target)

    @property
    def _so_far(self) -> str:
        return f"{self.done} of {len(self.files)} files were copied before that."

    @property
    def _state(self) -> str:
        ends = {(isinstance(one.source, Path), isinstance(one.target, Path)) for one in self.files}
        return {(True, False): "uploading", (False, True): "downloading"}.get(
            next(iter(ends), (False, False)), "copying"
        )


def plan_copies(
    files: LakehouseFiles, sources: Sequence[str], target: str, *, recursive: bool = False, overwrite: bool = False
) -> Copies:
    """Raises SettingsError for what cannot be copied, before anything is."""
    goal: End = files.place(target) if is_lakehouse_path(target) else _local(target)
    copies = Copies()
    for text in sources:
        source: End = files.place(text) if is_lakehouse_path(text) else _local(text)
        if isinstance(source, Path) and isinstance(goal, Path):
            raise SettingsError(
                f"Both {text} and {target} are on this machine. What is in the lakehouse begins with Files/ or Tables/."
            )
        entry = None if isinstance(source, Path) else source.onelake.stat(source.at)
        is_folder = source.is_dir() if isinstance(source, Path) else bool(entry and entry.is_folder)
        if is_folder and not recursive:
            raise SettingsError(f"{text} is a folder; `-r` copies one.")
        into = _takes_into(target, goal, several=len(sources) > 1, of_folder=is_folder)
        end = _below(goal, [_name_of(source)]) if into else goal
        for one in _files_of(source, entry, end, copies.folders) if is_folder else [_one_file(source, entry, end)]:
            copies.files.append(one)
    if not overwrite:
        _refuse_existing(copies.files)
    return copies


def _local(text: str) -> Path:
    return Path(text).expanduser()


def _name_of(end: End) -> str:
    return (end.name or end.resolve().name) if isinstance(end, Path) else end.path.name


def _takes_into(text: str, goal: End, *, several: bool, of_folder: bool) -> bool:
    if isinstance(goal, Place):
        return takes_into(text, goal, several=several, of_folder=of_folder)
    if several or text.endswith(("/", os.sep)) or goal.name in {"", ".."}:
        return True
    return goal.is_dir() and not of_folder


def _below(end: End, parts: Sequence[str]) -> End:
    if not isinstance(end, Path):
        return end.below("/".join(parts))
    for part in parts:
        if not is_file_name(part):
            raise SettingsError(
                f"{part!r} can be no name of a file on this machine. Copy that file alone, under another name."
            )
    return end.joinpath(*parts)


def _one_file(source: End, entry: Entry | None, target: End) -> FileCopy:
    if isinstance(source, Path) and not source.exists():
        raise SettingsError(f"There is no file {source} on this machine.")
    size_bytes = source.stat().st_size if isinstance(source, Path) else entry.size_bytes if entry else 0
    return FileCopy(source, entry, target, size_bytes)


def _files_of(source: End, folder: Entry | None, target: End, folders: list[End]) -> Iterator[FileCopy]:
    """All files below a folder; the folders below it go into `folders`. Links to folders are not followed: they may be a circle."""
    folders.append(target)
    if isinstance(source, Path):
        for at, names, file_names in os.walk(source):
            parts = Path(at).relative_to(source).parts
            folders += [_below(target, [*parts, name]) for name in names]
            for name in sorted(file_names):
                yield _one_file(Path(at, name), None, _below(target, [*parts, name]))
        return
    assert folder is not None
    for entry in source.onelake.entries(source.at, recursive=True):
        end = _below(target, relative_parts(entry, source.at))
        if entry.is_folder:
            folders.append(end)
        else:
            yield FileCopy(source, entry, end, entry.size_bytes)


def _refuse_existing(files: Sequence[FileCopy]) -> None:
    """All at once, so that a copy of a folder does not stop in its middle."""
    known: dict[object, set[str]] = {}
    existing = [
        str(one.target if isinstance(one.target, Path) else one.target.path)
        for one in files
        if _exists(one.target, known, len(files))
    ]
    if existing:
        which = existing[0] if len(existing) == 1 else f"{len(existing)} of {len(files)} files, such as {existing[0]},"
        raise SettingsError(
            f"{which} exist{'s' if len(existing) == 1 else ''} already. `--force` replaces what is there."
        )


def _exists(target: End, known: dict[object, set[str]], count: int) -> bool:
    """A folder with many of them is listed once."""
    if isinstance(target, Path):
        return target.exists()
    if count == 1:
        found = target.find()
        return found is not None
    key = (target.onelake, target.at.rpartition("/")[0])
    if key not in known:
        folder = target.onelake.find(key[1])
        known[key] = {one.path for one in target.onelake.entries(key[1])} if folder and folder.is_folder else set()
    return target.at in known[key]


def _make_folder(folder: End) -> None:
    if isinstance(folder, Place):
        if "/" in folder.at:
            folder.onelake.make_folder(folder.at)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error


def _carry(one: FileCopy, amount: transfers.Amount, *, overwrite: bool) -> None:
    source, target = one.source, one.target
    if isinstance(source, Path):
        assert isinstance(target, Place)
        transfers.upload(target.onelake, source, target.at, amount, overwrite=overwrite)
        return
    assert one.entry is not None
    if isinstance(target, Path):
        transfers.download(source.onelake, one.entry, target, amount, overwrite=overwrite)
    else:
        transfers.copy(source.onelake, one.entry, target.onelake, target.at, amount, overwrite=overwrite)
