"""Workspaces, lakehouses, tables and environments by Fabric's REST API, and from their names to their ids.

Names are what people type, and Fabric lets them hold slashes, blanks and any script, twice the same one among
workspaces, and differ by case alone. A name that could mean two things is never guessed.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fabric_livy_magic.errors import HttpError, NotFoundError, NotLivyError, SettingsError
from fabric_livy_magic.livy.http import LivyHttp

API_VERSION = "2023-12-01"
NAMES_SHOWN = 5
# What `…/tables` answers for a lakehouse with schemas; OneLake's table API lists those.
HAS_SCHEMAS = "UnsupportedOperationForSchemasEnabledLakehouse"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Item:
    """A workspace, lakehouse or environment. `workspace_id` is empty for a workspace."""

    id: str
    name: str
    kind: str = ""
    workspace_id: str = ""
    description: str = ""
    properties: JsonObject = field(default_factory=dict, repr=False)

    @property
    def default_schema(self) -> str | None:
        """None for a lakehouse without schemas. Only `lakehouse` and `lakehouses` know it."""
        return _text(self.properties, "defaultSchema") or None


@dataclass(frozen=True, kw_only=True)
class Table:
    """`schema` is None in a lakehouse without schemas; `kind` is Managed or External, where the server tells."""

    name: str
    schema: str | None = None
    kind: str = ""
    format: str = ""
    location: str = ""


class FabricApi:
    """`http` has the base `…/v1`. `onelake`, with a token for storage and the base `…/delta` of OneLake's table API, is
    asked for the tables of lakehouses with schemas, which the Fabric API itself does not list."""

    def __init__(self, http: LivyHttp, onelake: LivyHttp | None = None) -> None:
        self._http = http
        self._onelake = onelake

    def __repr__(self) -> str:
        return f"FabricApi({self._http.base_url!r})"

    # ------------------------------------------------------------------------------------------- lists
    def workspaces(self, *roles: str) -> list[Item]:
        """All that the signed-in account can see, or those where it has one of `roles` (Admin, Member, Contributor, Viewer)."""
        return self._items("/workspaces", {"roles": ",".join(roles)} if roles else {})

    def workspace(self, workspace_id: str) -> Item:
        return _item(self._http.get(_path("workspaces", workspace_id)))

    def lakehouses(self, workspace_id: str) -> list[Item]:
        return self._items(_path("workspaces", workspace_id, "lakehouses"))

    def lakehouse(self, workspace_id: str, lakehouse_id: str) -> Item:
        return _item(self._http.get(_path("workspaces", workspace_id, "lakehouses", lakehouse_id)))

    def environments(self, workspace_id: str) -> list[Item]:
        return self._items(_path("workspaces", workspace_id, "environments"))

    def environment(self, workspace_id: str, environment_id: str) -> Item:
        return _item(self._http.get(_path("workspaces", workspace_id, "environments", environment_id)))

    def notebooks(self, workspace_id: str) -> list[Item]:
        return self._items(_path("workspaces", workspace_id, "notebooks"))

    def notebook_definition(self, workspace_id: str, notebook_id: str) -> Any:
        """JSON, or `Accepted`: it comes with `operation_result` once the operation has succeeded."""
        return self._http.post(_path("workspaces", workspace_id, "notebooks", notebook_id, "getDefinition"))

    def operation(self, operation_id: str) -> Any:
        return self._http.get(_path("operations", operation_id))

    def operation_result(self, operation_id: str) -> Any:
        return self._http.get(_path("operations", operation_id, "result"))

    def capacities(self) -> list[Item]:
        """`properties` holds sku, region and state, which is Inactive while a capacity is paused."""
        return self._items("/capacities")

    def tables(self, workspace_id: str, lakehouse_id: str) -> list[Table]:
        """Raises SettingsError for a lakehouse with schemas where no way to OneLake was given."""
        path = _path("workspaces", workspace_id, "lakehouses", lakehouse_id, "tables")
        try:
            return [_table(one) for one in _pages(self._http, path, {"maxResults": 100}, "data")]
        except HttpError as error:
            if error.code != HAS_SCHEMAS:
                raise
        if self._onelake is None:
            raise SettingsError(
                "This lakehouse has schemas, whose tables the Fabric API does not list. `SHOW TABLES IN <schema>` in a "
                "%%livy_sql cell lists them."
            )
        return list(self._tables_by_schema(self._onelake, workspace_id, lakehouse_id))

    def _tables_by_schema(self, onelake: LivyHttp, workspace_id: str, lakehouse_id: str) -> Iterator[Table]:
        base = _path(workspace_id, lakehouse_id, "api", "2.1", "unity-catalog")
        where = {"catalog_name": lakehouse_id}
        for schema in list(_pages(onelake, f"{base}/schemas", where, "schemas", _UNITY)):
            name = _text(schema, "name")
            for one in _pages(onelake, f"{base}/tables", {**where, "schema_name": name}, "tables", _UNITY):
                yield Table(
                    name=_text(one, "name"),
                    schema=name,
                    kind=_text(one, "table_type").capitalize(),
                    format=_text(one, "data_source_format").lower(),
                    location=_text(one, "storage_location"),
                )

    def _items(self, path: str, params: JsonObject | None = None) -> list[Item]:
        return [_item(one) for one in _pages(self._http, path, params or {}, "value")]

    # ------------------------------------------------------------------------------------------- by name or id
    def find_workspace(self, name_or_id: str) -> Item:
        """The exact name first, then the name in another case. Raises SettingsError where it is none or several."""
        return _find("workspace", name_or_id, self.workspace, self.workspaces)

    def find_lakehouse(self, workspace_id: str, name_or_id: str) -> Item:
        return _find(
            "lakehouse",
            name_or_id,
            lambda name: self.lakehouse(workspace_id, name),
            lambda: self.lakehouses(workspace_id),
        )

    def find_environment(self, workspace_id: str, name_or_id: str) -> Item:
        return _find(
            "environment",
            name_or_id,
            lambda name: self.environment(workspace_id, name),
            lambda: self.environments(workspace_id),
        )


def livy_url(api_url: str, workspace_id: str, lakehouse_id: str) -> str:
    """The Livy connection string of a lakehouse, without `/sessions`. `api_url` ends in `/v1`."""
    path = _path("workspaces", workspace_id, "lakehouses", lakehouse_id)
    return f"{api_url.rstrip('/')}{path}/livyapi/versions/{API_VERSION}"


def ids_in(url: str) -> tuple[str, str]:
    """The workspace's and the lakehouse's id in a Livy connection string. Raises SettingsError where it has none."""
    found = re.search(r"/workspaces/([^/]+)/lakehouses/([^/]+)", urlsplit(url).path, re.IGNORECASE)
    if not found:
        raise SettingsError(f"{url} is no Livy connection string of a lakehouse, so it belongs to no workspace.")
    return unquote(found[1]), unquote(found[2])


def _path(*parts: str) -> str:
    """Ids come from the user, too; none of them can lead to another path."""
    if any(part in {"", ".", ".."} for part in parts):
        raise SettingsError("An empty or dotted text is no id of a workspace, lakehouse or environment.")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


# ------------------------------------------------------------------------------------------------ pages of a list
@dataclass(frozen=True)
class _Paging:
    """Names of the token that continues a list: in the answer, and in the next request."""

    in_answer: str
    in_request: str


_FABRIC = _Paging("continuationToken", "continuationToken")
_UNITY = _Paging("next_page_token", "page_token")  # OneLake's table API, in the manner of Unity Catalog


def _pages(http: LivyHttp, path: str, params: JsonObject, key: str, paging: _Paging = _FABRIC) -> Iterator[JsonObject]:
    """All entries of a paged list. The token is preferred to the URI, which may name another host of Fabric's."""
    seen: set[str] = set()
    while True:
        page = http.get(path, dict(params))
        if not isinstance(page, Mapping):
            raise NotLivyError(f"{http.base_url} answered, but not as the Fabric API does. Is the API's address right?")
        yield from _entries(http, page, key)
        token, uri = _text(page, paging.in_answer), _text(page, "continuationUri")
        if not token and not uri:
            return
        if (token or uri) in seen:
            raise NotLivyError(f"{http.base_url}{path} repeats a page of its list. It may be changing: try again.")
        seen.add(token or uri)
        if token:
            params = {**params, paging.in_request: token}
        else:
            path, params = _below(http, uri), {}


def _below(http: LivyHttp, uri: str) -> str:
    """The path and query of a continuation URI below the base. The token goes nowhere else, so another host is refused."""
    base, there = urlsplit(http.base_url), urlsplit(uri)
    same_host = not there.netloc or (there.scheme, there.netloc.lower()) == (base.scheme, base.netloc.lower())
    if not same_host or not there.path.startswith(f"{base.path}/"):
        raise NotLivyError(
            f"{base.netloc} continues its list at {there.scheme}://{there.netloc}{there.path}, outside {http.base_url}. "
            "The token is not sent there."
        )
    return there.path[len(base.path) :] + (f"?{there.query}" if there.query else "")


def _entries(http: LivyHttp, page: JsonObject, key: str) -> list[JsonObject]:
    """A page may be empty and still not be the last."""
    entries = page.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise NotLivyError(f"{http.base_url} answered a list whose {key!r} is none.")
    return [one for one in entries if isinstance(one, Mapping)]


def _item(entry: Any) -> Item:
    entry = entry if isinstance(entry, Mapping) else {}
    known = {"id", "displayName", "type", "workspaceId", "description", "properties"}
    inner = entry.get("properties")
    rest = {key: value for key, value in entry.items() if key not in known}
    return Item(
        id=_text(entry, "id"),
        name=_text(entry, "displayName"),
        kind=_text(entry, "type"),
        workspace_id=_text(entry, "workspaceId"),
        description=_text(entry, "description"),
        properties={**rest, **(inner if isinstance(inner, Mapping) else {})},
    )


def _table(entry: JsonObject) -> Table:
    return Table(
        name=_text(entry, "name"),
        schema=_text(entry, "schemaName") or None,
        kind=_text(entry, "type"),
        format=_text(entry, "format"),
        location=_text(entry, "location"),
    )


def _text(entry: JsonObject, key: str) -> str:
    value = entry.get(key)
    return "" if value is None else str(value)


# ------------------------------------------------------------------------------------------------ which one is meant
def _find(kind: str, name: str, by_id: Callable[[str], Item], everything: Callable[[], list[Item]]) -> Item:
    if not name.strip():
        raise SettingsError(f"No {kind} was named.")
    if _GUID.fullmatch(name):
        try:
            return by_id(name)
        except NotFoundError:
            pass  # a name may look like an id
    items = everything()
    found = named(name, items)
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"{len(found)} {kind}s are named {name!r}. Use the id of the one you mean: "
            + ", ".join(f"{one.id} ({one.name!r})" for one in found)
            + "."
        )
    raise SettingsError(f"There is no {kind} {name!r}, or this account has no access to it.{_near(kind, name, items)}")


def named(name: str, items: Iterable[Item]) -> list[Item]:
    """Those that `given` can mean: by id, else by the exact name, else by the name in another case or Unicode form."""
    items = list(items)
    for same in (
        lambda one: one.id.lower() == name.lower(),
        lambda one: one.name == name,
        lambda one: unicodedata.normalize("NFC", one.name) == unicodedata.normalize("NFC", name),
        lambda one: _folded(one.name) == _folded(name),
    ):
        if found := [one for one in items if same(one)]:
            return found
    return []


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def _near(kind: str, name: str, items: Sequence[Item]) -> str:
    names = {_folded(one.name): one.name for one in items}
    near = [names[one] for one in difflib.get_close_matches(_folded(name), list(names), n=NAMES_SHOWN, cutoff=0.6)]
    near += [one.name for one in items if _folded(name) in _folded(one.name) and one.name not in near]
    if near:
        return f" Did you mean {' or '.join(repr(name) for name in near[:NAMES_SHOWN])}?"
    if not items:
        return f" It sees no {kind} at all."
    shown = ", ".join(repr(one.name) for one in items[:NAMES_SHOWN])
    return f" It sees {shown}{f' and {len(items) - NAMES_SHOWN} more' if len(items) > NAMES_SHOWN else ''}."


# ------------------------------------------------------------------------------------------------ workspace/lakehouse
_QUOTES = "'\""
_HOW = (
    "Write it as workspace/lakehouse; put a name that holds a slash in quotes: 'a/b'/c, or escape the slash: a\\/b/c."
)


def split_target(text: str) -> tuple[str, str]:
    """The names (or ids) of a workspace and of a lakehouse. Raises SettingsError.

    A backslash before a slash, a quote or a backslash takes that character as it is; elsewhere it is an ordinary one. A
    quote is special only as the first character of a part; blanks around a part without quotes do not count.
    """
    parts = _parts(text)
    if len(parts) == 1 and parts[0][1] and "/" in parts[0][0]:
        parts = _parts(parts[0][0])  # the whole was in quotes
    names = [name for name, _ in parts]
    if len(names) < 2:
        raise SettingsError(f"{text!r} names no workspace and lakehouse. {_HOW}")
    if len(names) > 2:
        raise SettingsError(
            f"{text!r} has {len(names) - 1} slashes, so it is not clear where the workspace ends. {_HOW}"
        )
    if not all(name.strip() for name in names):
        raise SettingsError(f"{text!r} leaves the workspace or the lakehouse empty. {_HOW}")
    return names[0], names[1]


def join_target(workspace: str, lakehouse: str) -> str:
    """What `split_target` reads back as the two names."""
    return f"{_quoted(workspace)}/{_quoted(lakehouse)}"


def _quoted(name: str) -> str:
    if not re.search(r"[/\\'\"]", name) and name == name.strip():
        return name
    return "'" + re.sub(r"([\\'])", r"\\\1", name) + "'"


def _parts(text: str) -> list[tuple[str, bool]]:
    """(name, whether it was in quotes) of each part."""
    parts: list[tuple[str, bool]] = []
    rest = text
    while True:
        rest = rest.lstrip()
        quote_mark = rest[0] if rest and rest[0] in _QUOTES else ""
        name, rest = _read(rest[1:], quote_mark, text) if quote_mark else _read(rest, "/", text)
        parts.append((name, bool(quote_mark)))
        if quote_mark:
            rest = rest.lstrip()
            if rest and not rest.startswith("/"):
                raise SettingsError(f"{text!r} goes on after a quote that ends a name. {_HOW}")
        if not rest:
            return parts
        rest = rest[1:]


def _read(rest: str, end: str, text: str) -> tuple[str, str]:
    """(the name up to `end`, what follows it). A quote is taken away, a slash stays for the caller."""
    name: list[str] = []
    kept = 0  # up to here nothing is stripped: an escaped blank does not exist, but an escaped character is no edge
    position = 0
    while position < len(rest):
        one = rest[position]
        if one == "\\" and rest[position + 1 : position + 2] in {"/", "\\", "'", '"'}:
            name.append(rest[position + 1])
            position += 2
            kept = len(name)
            continue
        if one == end:
            break
        name.append(one)
        position += 1
    if end in _QUOTES:
        if position >= len(rest):
            raise SettingsError(f"{text!r} has a quote that does not end. {_HOW}")
        return "".join(name), rest[position + 1 :]
    return "".join(name[:kept]) + "".join(name[kept:]).rstrip(), rest[position:]
