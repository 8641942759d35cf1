"""The files of lakehouses by paths as a person writes them: what `%livy files` and `fabric-livy files` do. It shows nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabric_livy_magic.cells.magic_parser import quoted_word
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.fabric.onelake_calls import MD5_BYTES, Entry
from fabric_livy_magic.fabric.onelake_paths import LakehousePath, checked_path, is_lakehouse_path, read_lakehouse_path
from fabric_livy_magic.sessions.account import Account

MOST_SHOWN_BYTES = 1024 * 1024  # of a text in a notebook
HEAD_BYTES = 64 * 1024
MOST_HEAD_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class FolderSize:
    """Of all files in it and below it."""

    path: str
    is_folder: bool
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Place:
    """A path in a lakehouse, with the lakehouse."""

    onelake: OneLake
    path: LakehousePath

    @property
    def at(self) -> str:
        return self.path.path

    def find(self) -> Entry | None:
        return self.onelake.find(self.at)

    def below(self, name: str) -> Place:
        return Place(self.onelake, self.path / name)


class LakehouseFiles:
    """`lakehouse_id`: of the session's lakehouse, where that is another one than the target's."""

    def __init__(self, account: Account, lakehouse_id: str = "") -> None:
        self._account = account
        self._lakehouse_id = lakehouse_id
        self._onelakes: dict[str, OneLake] = {}

    def place(self, text: str) -> Place:
        """Raises SettingsError for what is no path of a lakehouse."""
        path = read_lakehouse_path(text)
        if path.target not in self._onelakes:
            own = "" if path.target else self._lakehouse_id
            self._onelakes[path.target] = self._account.onelake(path.target, own)
        return Place(self._onelakes[path.target], path)

    # ------------------------------------------------------------------------------------------- looking
    def list(self, text: str, *, recursive: bool = False, most: int | None = None) -> Sequence[Entry]:
        """What is in a folder, or the file itself; at most `most` of them."""
        place = self.place(text)
        found = place.onelake.stat(place.at)
        if not found.is_folder:
            return [found]
        return [*itertools.islice(place.onelake.entries(place.at, recursive=recursive), most)]

    def sizes(self, text: str) -> Sequence[FolderSize]:
        """Of each folder and file that is directly in the folder."""
        place = self.place(text)
        found = place.onelake.stat(place.at)
        if not found.is_folder:
            return [FolderSize(found.path, False, 1, found.size_bytes)]
        depth = len(place.at.split("/")) + 1 if place.at else 1
        sums: dict[str, FolderSize] = {}
        for entry in place.onelake.entries(place.at, recursive=True):
            path = "/".join(entry.path.split("/")[:depth])
            is_itself = path == entry.path
            before = sums.get(path) or FolderSize(path, entry.is_folder or not is_itself, 0, 0)
            files = before.files + (not entry.is_folder)
            sums[path] = FolderSize(path, before.is_folder, files, before.size_bytes + entry.size_bytes)
        return [*sums.values()]

    def file(self, text: str) -> tuple[Place, Entry]:
        """Raises SettingsError for a folder."""
        place = self.place(text)
        entry = place.onelake.stat(place.at)
        if entry.is_folder:
            raise SettingsError(f"{place.path} is a folder. `files ls` lists what is in it.")
        return place, entry

    def parts(self, text: str) -> Iterator[bytes]:
        """The whole of it, each part compared with the server's MD5 where it tells one."""
        place, entry = self.file(text)
        for position in range(0, entry.size_bytes, MD5_BYTES):
            yield place.onelake.read(place.at, position, MD5_BYTES, etag=entry.etag)

    def text(self, text: str, most_bytes: int | None = MOST_SHOWN_BYTES) -> tuple[str, int]:
        """Its beginning, or without `most_bytes` the whole, and how many bytes follow. Raises SettingsError for what is no text."""
        place, entry = self.file(text)
        size_bytes = entry.size_bytes if most_bytes is None else min(most_bytes, entry.size_bytes)
        content = place.onelake.read(place.at, 0, size_bytes, etag=entry.etag)
        return _decoded(content, place), entry.size_bytes - len(content)

    def head(self, text: str, lines: int) -> str:
        """Its first lines; of very long ones the first 4 MiB."""
        place, entry = self.file(text)
        content = b""
        while content.count(b"\n") < lines and len(content) < min(entry.size_bytes, MOST_HEAD_BYTES):
            size_bytes = min(HEAD_BYTES, entry.size_bytes - len(content))
            content += place.onelake.read(place.at, len(content), size_bytes, etag=entry.etag)
        return "\n".join(_decoded(content, place).split("\n")[:lines])

    # ------------------------------------------------------------------------------------------- changing
    def remove(self, texts: Sequence[str], *, recursive: bool = False) -> None:
        for place in [self.place(text) for text in texts]:
            place.onelake.delete(place.at, recursive=recursive)

    def make_folders(self, texts: Sequence[str]) -> None:
        for place in [self.place(text) for text in texts]:
            place.onelake.make_folder(place.at)

    def move(self, sources: Sequence[str], target: str, *, overwrite: bool = False) -> Sequence[str]:
        """Within one lakehouse. Gives the new paths."""
        for text in (*sources, target):
            if not is_lakehouse_path(text):
                raise SettingsError(
                    f"{text} is a path of this machine. `files cp` copies between it and the lakehouse, and `files rm` removes "
                    "what was copied."
                )
        goal = self.place(target)
        moved = []
        for source in [self.place(text) for text in sources]:
            if source.onelake is not goal.onelake:
                raise SettingsError("A move stays in its lakehouse. `files cp -r` copies to another one.")
            new = goal.below(source.path.name) if takes_into(target, goal, several=len(sources) > 1) else goal
            source.onelake.move(source.at, new.at, overwrite=overwrite)
            moved.append(str(new.path))
        return moved


def takes_into(text: str, place: Place, *, several: bool, of_folder: bool = False) -> bool:
    """Whether a file or folder is put into the target under its own name: where that ends with a slash, is `Files` or `Tables`
    itself, or is a folder that is there; a copy of a folder is that folder then."""
    if several or text.endswith(("/", ":")) or "/" not in place.at:
        return True
    if of_folder:
        return False
    found = place.find()
    return found is not None and found.is_folder


def _decoded(content: bytes, place: Place) -> str:
    if b"\0" in content[:8192]:
        copy = f"files cp {quoted_word(str(place.path))} ."
        raise SettingsError(f"{place.path} is no text. `{copy}` copies it to this machine.")
    return content.decode("utf-8", "replace")


def relative_parts(entry: Entry, folder: str) -> list[str]:
    """Of what a server lists below a folder: it is not believed that it is below it. Raises SettingsError."""
    path = checked_path(entry.path)
    if not path.startswith(f"{folder}/"):
        raise SettingsError(f"The server lists {entry.path!r} in {folder}, where it is not.")
    return path[len(folder) + 1 :].split("/")
