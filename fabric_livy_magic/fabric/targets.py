"""Targets as text: `workspace/lakehouse` by names or ids, and the Livy connection string (a URL) of a lakehouse."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from fabric_livy_magic.errors import SettingsError

API_VERSION = "2023-12-01"


def livy_url(api_url: str, workspace_id: str, lakehouse_id: str) -> str:
    """The Livy connection string of a lakehouse, without `/sessions`. `api_url` ends in `/v1`."""
    path = url_path("workspaces", workspace_id, "lakehouses", lakehouse_id)
    return f"{api_url.rstrip('/')}{path}/livyapi/versions/{API_VERSION}"


def ids_in_url(url: str) -> tuple[str, str]:
    """The workspace's and the lakehouse's id in a Livy connection string. Raises SettingsError where it has none."""
    found = re.search(r"/workspaces/([^/]+)/lakehouses/([^/]+)", urlsplit(url).path, re.IGNORECASE)
    if not found:
        raise SettingsError(f"{url} is no Livy connection string of a lakehouse, so it belongs to no workspace.")
    return unquote(found[1]), unquote(found[2])


def url_path(*parts: str) -> str:
    """The parts quoted, as ids may come from the user: none can lead to another path."""
    if any(part in {"", ".", ".."} for part in parts):
        raise SettingsError("An empty or dotted text is no id of a workspace, lakehouse or environment.")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


_QUOTES = "'\""
_HOW_TO_WRITE = (
    "Write it as workspace/lakehouse; put a name that holds a slash in quotes: 'a/b'/c, or escape the slash: a\\/b/c."
)


def split_target(text: str) -> tuple[str, str]:
    """The names (or ids) of a workspace and of a lakehouse. Raises SettingsError.

    A backslash before a slash, a quote or a backslash escapes that character; elsewhere it is an ordinary one. A
    quote is special only as the first character of a part; blanks around a part without quotes do not count.
    """
    parts = _split_parts(text)
    if len(parts) == 1 and parts[0][1] and "/" in parts[0][0]:
        parts = _split_parts(parts[0][0])  # the whole text is in quotes
    names = [name for name, _ in parts]
    if len(names) < 2:
        raise SettingsError(f"{text!r} names no workspace and lakehouse. {_HOW_TO_WRITE}")
    if len(names) > 2:
        raise SettingsError(
            f"{text!r} has {len(names) - 1} slashes, so it is not clear where the workspace ends. {_HOW_TO_WRITE}"
        )
    if not all(name.strip() for name in names):
        raise SettingsError(f"{text!r} leaves the workspace or the lakehouse empty. {_HOW_TO_WRITE}")
    return names[0], names[1]


def join_target(workspace: str, lakehouse: str) -> str:
    """The text that `split_target` splits into these two names."""
    return f"{_quoted(workspace)}/{_quoted(lakehouse)}"


def _quoted(name: str) -> str:
    if not re.search(r"[/\\'\"]", name) and name == name.strip():
        return name
    return "'" + re.sub(r"([\\'])", r"\\\1", name) + "'"


def _split_parts(text: str) -> list[tuple[str, bool]]:
    """(name, whether it was in quotes) of each part."""
    parts: list[tuple[str, bool]] = []
    rest = text
    while True:
        rest = rest.lstrip()
        quote_mark = rest[0] if rest and rest[0] in _QUOTES else ""
        name, rest = _read_name(rest[1:], quote_mark, text) if quote_mark else _read_name(rest, "/", text)
        parts.append((name, bool(quote_mark)))
        if quote_mark:
            rest = rest.lstrip()
            if rest and not rest.startswith("/"):
                raise SettingsError(f"{text!r} goes on after a quote that ends a name. {_HOW_TO_WRITE}")
        if not rest:
            return parts
        rest = rest[1:]


def _read_name(rest: str, end: str, text: str) -> tuple[str, str]:
    """(the name up to `end`, what follows it). An ending quote is dropped, a slash is left to the caller."""
    name: list[str] = []
    kept = 0  # characters that the strip at the end leaves alone: those up to the last escaped one
    position = 0
    while position < len(rest):
        character = rest[position]
        if character == "\\" and rest[position + 1 : position + 2] in {"/", "\\", "'", '"'}:
            name.append(rest[position + 1])
            position += 2
            kept = len(name)
            continue
        if character == end:
            break
        name.append(character)
        position += 1
    if end in _QUOTES:
        if position >= len(rest):
            raise SettingsError(f"{text!r} has a quote that does not end. {_HOW_TO_WRITE}")
        return "".join(name), rest[position + 1 :]
    return "".join(name[:kept]) + "".join(name[kept:]).rstrip(), rest[position:]
