"""What a project's file may choose, and which of those files the user trusts.

A repository may be anybody's. Its file chooses harmless things; whatever concerns identity, hosts, certificates, code or
stored secrets counts after the user trusted that very file: its path and the hash of its content are kept, so that a change
asks again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fabric_livy_magic.clouds import is_fabric_address
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.own_folders import platform_folder, write_private
from fabric_livy_magic.settings import read_target

# A new setting is not among them before somebody has thought about it. Those that keep a session alive, or leave it, are not:
# they cost money.
HARMLESS = frozenset(
    {
        "language",
        "alias",
        "lakehouse_schemas",
        "rows_shown",
        "rows_fetched",
        "progress",
        "live_output",
        "rich",
        "frames_via",
        "onelake_above_mib",
        "start_timeout_s",
        "capacity_wait_s",
        "request_timeout_s",
    }
)


def is_harmless(name: str, value: Any) -> bool:
    return name in HARMLESS or (name == "target" and isinstance(value, str) and _is_harmless_target(value))


def _is_harmless_target(text: str) -> bool:
    """`local`, names or ids that the user's own API looks up, or a lakehouse at one of Fabric's own hosts."""
    try:
        target = read_target(text)
    except SettingsError:
        return False
    if not target.url:
        return True
    return target.is_fabric_api and is_fabric_address(target.url) and urlsplit(target.url).port in {None, 443}


# ------------------------------------------------------------------------------------------------ trusted files
def _folder() -> Path:
    return platform_folder("state") / "trusted"


def _record_of(path: Path) -> Path:
    """One file for each trusted one, so that two kernels never write to the same."""
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return _folder() / f"{name}.json"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_trusted(path: Path, content: bytes) -> bool:
    try:
        record = json.loads(_record_of(path).read_text(encoding="utf-8"))
        return bool(record["path"] == str(path.resolve()) and record["sha256"] == _sha256(content))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def trust(path: Path, content: bytes) -> None:
    """`content` is what the user saw: a file that changed meanwhile is not trusted. Raises SettingsError."""
    record = _record_of(path)
    try:
        write_private(record, json.dumps({"path": str(path.resolve()), "sha256": _sha256(content)}))
    except OSError as error:
        raise SettingsError(f"It could not be noted that {path} is trusted: {error}") from error


def distrust(path: Path) -> bool:
    """True if it was trusted."""
    try:
        _record_of(path).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SettingsError(f"It could not be noted that {path} is no longer trusted: {error}") from error
    return True


def trusted_paths() -> list[str]:
    found = []
    for record in _folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.append(str(json.loads(record.read_text(encoding="utf-8"))["path"]))
    return sorted(found)
