"""Paths in a lakehouse as a person writes them. Pure.

    Files/raw/a.csv, Tables/trips                         of the target's lakehouse
    workspace/lakehouse:Files/raw/a.csv                   of another one, by names or ids
    abfss://workspace@onelake.dfs.fabric.microsoft.com/lakehouse.Lakehouse/Files/raw/a.csv

Every other path is one of this machine; `./Files/a.csv` is a file in a local folder that is called Files.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.targets import join_target, split_target

AREAS = ("Files", "Tables")
LONGEST_NAME_BYTES = 255
ITEM_SUFFIX = ".lakehouse"
_IN_AREA = re.compile(r"(Files|Tables)(/.*)?", re.DOTALL)
_OF_TARGET = re.compile(r"([^:]+/[^:]+):(/?|/?(?:Files|Tables)(?:/.*)?)", re.DOTALL | re.IGNORECASE)
_ABFSS = re.compile(r"abfss?://([^@/]+)@([^/]+)/([^/]+)/?(.*)", re.IGNORECASE | re.DOTALL)
_ONELAKE_HOST = re.compile(r"[a-z0-9.-]*onelake\.(dfs|blob)\.fabric\.microsoft\.(com|us|cn)", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(
    r"""[<>:"|?*\\/\x00-\x1f]|[. ]$|^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(\.|$)""",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")


@dataclass(frozen=True)
class LakehousePath:
    """`target` is `workspace/lakehouse` as `split_target` reads it; empty for the lakehouse of the notebook's target. `path`
    has no slash at either end; empty for the lakehouse itself."""

    path: str
    target: str = ""

    def __str__(self) -> str:
        return f"{self.target}:{self.path}" if self.target else self.path

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def __truediv__(self, below: str) -> LakehousePath:
        return LakehousePath(checked_path(f"{self.path}/{below}"), self.target)


def checked_path(path: str) -> str:
    """Without empty parts. Raises SettingsError for what is no path below `Files` or `Tables`; none leads out of the lakehouse."""
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if part in {".", ".."}:
            raise SettingsError(f"{path!r} has {part!r} in it, and no path of a lakehouse leads anywhere but down.")
        if "\\" in part:
            raise SettingsError(f"{path!r} has a backslash in it. Paths of a lakehouse are written with slashes.")
        if _FORBIDDEN.search(part):
            raise SettingsError(f"{path!r} has a control character in it, which no name in a lakehouse may have.")
        if len(part.encode("utf-8")) > LONGEST_NAME_BYTES:
            raise SettingsError(f"{part[:40]!r}… is longer than the {LONGEST_NAME_BYTES} bytes that a name may have.")
    if parts and parts[0] not in AREAS:
        fitting = next((area for area in AREAS if area.lower() == parts[0].lower()), "")
        meant = f" {'/'.join([fitting, *parts[1:]])!r} may be meant." if fitting else ""
        raise SettingsError(f"A lakehouse has Files and Tables, and {path!r} begins with neither.{meant}")
    return "/".join(parts)


def changeable_path(path: str) -> str:
    """As `checked_path`. Raises SettingsError for what Fabric itself makes and removes, too."""
    path = checked_path(path)
    if "/" not in path:
        raise SettingsError(f"{path or 'The lakehouse'} is Fabric's own folder: name something below Files or Tables.")
    return path


def is_lakehouse_path(text: str) -> bool:
    """Whether it is one of those above; else it is a path of this machine."""
    if text.lower().startswith(("abfss:", "abfs:")):
        return True
    return bool(_IN_AREA.fullmatch(text)) or (
        text[:1] not in {".", "/", "~", "\\"} and bool(_OF_TARGET.fullmatch(text))
    )


def is_file_name(name: str) -> bool:
    """Whether a name of a lakehouse can be that of a file on this machine. On Windows NUL swallows what is written, `a:b` is a stream of
    the file a, `C:a` is on another drive, and a full stop or a blank at the end is dropped."""
    return os.name != "nt" or not _NOT_ON_WINDOWS.search(name)


def read_lakehouse_path(text: str) -> LakehousePath:
    """Raises SettingsError for what is none."""
    if text.lower().startswith(("abfss:", "abfs:")):
        return _read_abfss(text)
    if match := _OF_TARGET.fullmatch(text):
        split_target(match[1])  # raises where it is none
        return LakehousePath(checked_path(match[2]), match[1])
    return LakehousePath(checked_path(text))


def _read_abfss(uri: str) -> LakehousePath:
    match = _ABFSS.fullmatch(uri)
    if not match or not _ONELAKE_HOST.fullmatch(match[2]):
        raise SettingsError(
            f"{uri!r} is not of the form abfss://workspace@onelake.dfs.fabric.microsoft.com/lakehouse.Lakehouse/Files/…"
        )
    item = unquote(match[3])
    name = item[: -len(ITEM_SUFFIX)] if item.lower().endswith(ITEM_SUFFIX) else item
    return LakehousePath(checked_path(unquote(match[4])), join_target(unquote(match[1]), name))
