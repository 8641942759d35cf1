"""The shortcuts of a committed lakehouse: `shortcuts.metadata.json` in its folder, a list as Fabric's REST has it.

    {"name": "holidays", "path": "/Tables/dbo", "target": {"type": "OneLake", "oneLake": {"itemId": "…", "workspaceId": "…", "path": "Tables/t"}}}

Everything here was written by others: it is read as data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.notebooks.files import json_content

FILE = "shortcuts.metadata.json"
MOST_SHORTCUTS = 1_000
ROOTS = ("Files", "Tables")
_NO_PART = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")
_LONGEST_PART_BYTES = 255
_ZERO_ID = "00000000-0000-0000-0000-000000000000"  # "this lakehouse itself"
# By the key of the target's address.
STORES = {
    "adlsGen2": "ADLS Gen2",
    "amazonS3": "Amazon S3",
    "azureBlobStorage": "Azure Blob Storage",
    "dataverse": "Dataverse",
    "externalDataShare": "an external data share",
    "googleCloudStorage": "Google Cloud Storage",
    "oneDriveSharePoint": "OneDrive or SharePoint",
    "s3Compatible": "S3-compatible storage",
}


@dataclass(frozen=True)
class Shortcut:
    """`path` in its lakehouse, like `Tables/dbo/holidays`. It leads to `target` in the lakehouse with the `item_id`, which is empty
    for its own one; or out of OneLake, to what `outside` says."""

    path: str
    item_id: str = ""
    target: str = ""
    outside: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def read_shortcuts(lakehouse: Path) -> tuple[Shortcut, ...]:
    """Those of the folder of a lakehouse. What has another form is left out."""
    content = json_content(lakehouse / FILE)
    found = [_read_one(one) for one in content[:MOST_SHORTCUTS]] if isinstance(content, list) else []
    return tuple(one for one in found if one)


def _read_one(one: Any) -> Shortcut | None:
    if not isinstance(one, dict) or not isinstance(target := one.get("target"), dict):
        return None
    path = path_of(f"{_text(one, 'path')}/{_text(one, 'name')}")
    if path is None or not _text(one, "name").strip("/"):
        return None
    if isinstance(own := target.get("oneLake"), dict):
        item_id = _text(own, "itemId").lower()
        inside = path_of(_text(own, "path"))
        if inside is not None:
            return Shortcut(path, "" if item_id == _ZERO_ID else item_id, inside)
        return Shortcut(path, outside=_shown(f"OneLake, {_text(own, 'path') or 'without a path'}"))
    kind = next((key for key, value in target.items() if isinstance(value, dict)), _text(target, "type"))
    address = target.get(kind)
    words = (_text(address, key) for key in ("location", "environmentDomain", "bucket", "subpath", "deltaLakeFolder"))
    told = "".join(words) if isinstance(address, dict) else ""
    return Shortcut(path, outside=_shown(" ".join(filter(None, [STORES.get(kind, kind), told]))))


def path_of(text: str) -> str | None:
    """In a lakehouse: below `Files` or `Tables`, or one of them. None for what is none."""
    parts = [part for part in text.split("/") if part]
    is_path = all(part not in (".", "..") and not _NO_PART.search(part) for part in parts)
    is_path = is_path and all(len(part.encode()) <= _LONGEST_PART_BYTES for part in parts)
    return "/".join(parts) if is_path and parts and parts[0] in ROOTS else None


def _text(values: Any, key: str) -> str:
    value = values.get(key) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""


def _shown(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)[:200] or "a place that it does not name"
