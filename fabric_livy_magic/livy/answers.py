"""The body of a successful answer, as the client takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from fabric_livy_magic.livy.failures import nested_error, not_livy_error
from fabric_livy_magic.livy.json_answers import NestedTooDeeply, read_json
from fabric_livy_magic.livy.target_words import OF_FABRIC, TargetWords


@dataclass(frozen=True)
class Accepted:
    """The response 202 without a body: the call goes on as a long-running operation of the Fabric API."""

    operation_id: str


@dataclass(frozen=True)
class Taken:
    """A success of a POST without what it made in its body: with nothing in it, or a 201 without an id. `made_id` is the end of
    its Location; empty where it has none. The host in it is not looked at: the id is asked for where the POST went."""

    made_id: str


def read_answer(
    response: requests.Response, content: bytes, method: str, base_url: str, words: TargetWords = OF_FABRIC
) -> Any:
    """Its JSON, None where it has no body; for a POST see also `Accepted` and `Taken`. Raises NotLivyError."""
    try:
        answer = read_json(content) if content.strip() else None
    except NestedTooDeeply:
        raise nested_error(response, base_url) from None
    except ValueError:
        raise not_livy_error(response, base_url, words) from None
    if answer is None and response.status_code == 202 and "x-ms-operation-id" in response.headers:
        return Accepted(response.headers["x-ms-operation-id"])
    if answer is None and method == "GET":  # a GET always has a body
        raise not_livy_error(response, base_url, words)
    if method == "POST" and _names_nothing(answer, response.status_code):
        return Taken(_id_in(response.headers.get("Location", "")))
    return answer


def _names_nothing(answer: Any, status: int) -> bool:
    return answer is None or (status == 201 and isinstance(answer, Mapping) and answer.get("id") is None)


def _id_in(location: str) -> str:
    """The last part of its path, where that may be an id."""
    try:
        last = unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""
    return last if re.fullmatch(r"[\w-]{1,100}", last, re.ASCII) else ""
