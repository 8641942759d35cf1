"""Paged lists, continued by a token or a URI in the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fabric_livy_magic.errors import AnswerTooLarge, NotLivyError
from fabric_livy_magic.fabric.models import JsonObject, text_of
from fabric_livy_magic.livy.exchange import MIB
from fabric_livy_magic.livy.http import LivyHttp

# Far above what a tenant has: Fabric gives 100 entries or more on a page.
MOST_PAGES = 1000
MOST_LIST_BYTES = 64 * MIB
LIST_WITHIN_S = 600.0  # as long as a call may be refused with 429


@dataclass(frozen=True)
class Paging:
    """Names of the continuation token: its key in the answer, and its query parameter in the next request."""

    in_answer: str
    in_request: str


FABRIC = Paging("continuationToken", "continuationToken")
UNITY_CATALOG = Paging("next_page_token", "page_token")  # OneLake's table API has Unity Catalog's names


def pages(http: LivyHttp, path: str, params: JsonObject, key: str, paging: Paging = FABRIC) -> Iterator[JsonObject]:
    """All entries of a paged list. The token is preferred to the URI, which may name another host of Fabric's."""
    seen: set[str] = set()
    http = http.for_list(MOST_LIST_BYTES).within(LIST_WITHIN_S)
    for _ in range(MOST_PAGES):
        page = http.get(path, dict(params))
        if not isinstance(page, Mapping):
            raise NotLivyError(f"{http.base_url} answered, but not as the Fabric API does. Is the API's address right?")
        yield from _entries(http, page, key)
        token, uri = text_of(page, paging.in_answer), text_of(page, "continuationUri")
        if not token and not uri:
            return
        if (token or uri) in seen:
            raise NotLivyError(f"{http.base_url}{path} repeats a page of its list. It may be changing: try again.")
        seen.add(token or uri)
        if token:
            params = {**params, paging.in_request: token}
        else:
            path, params = _path_below_base(http, uri), {}
    raise AnswerTooLarge(
        f"{http.base_url}{path.partition('?')[0]} has more than {MOST_PAGES:,} pages; the rest was not read. Name what is wanted by its id."
    )


def _path_below_base(http: LivyHttp, uri: str) -> str:
    """The path and query of a continuation URI below the base. Another host is refused, so that the access token goes nowhere else."""
    base, target = urlsplit(http.base_url), urlsplit(uri)
    same_host = not target.netloc or (target.scheme, target.netloc.lower()) == (base.scheme, base.netloc.lower())
    if not same_host or not target.path.startswith(f"{base.path}/"):
        raise NotLivyError(
            f"{base.netloc} continues its list at {target.scheme}://{target.netloc}{target.path}, outside {http.base_url}. "
            "The token is not sent there."
        )
    return target.path[len(base.path) :] + (f"?{target.query}" if target.query else "")


def _entries(http: LivyHttp, page: JsonObject, key: str) -> list[JsonObject]:
    """An empty page need not be the last one."""
    entries = page.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise NotLivyError(f"{http.base_url} answered a list whose {key!r} is none.")
    return [one for one in entries if isinstance(one, Mapping)]
