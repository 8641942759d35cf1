"""Nested values as JSON that a person reads: numbers with all their digits, structs by their fields' names, vectors as Spark writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fabric_livy_magic.output.values import is_nested, is_null, spark_text, vector_text

_NUMBERS = (int, float)


def nested_json(value: Any, spark_type: Any, most: int) -> str:
    """Of at most about `most` characters: the rest of a longer one is not looked at."""
    parts: list[str] = []
    left = most
    for part in _parts(value, spark_type):
        parts.append(part)
        left -= len(part)
        if left < 0:
            break
    return "".join(parts)


def is_vector(spark_type: Any) -> bool:
    return isinstance(spark_type, Mapping) and str(spark_type.get("class") or spark_type.get("pyClass") or "").endswith(
        "VectorUDT"
    )


def _parts(value: Any, of: Any) -> Iterator[str]:
    if is_vector(of) and (text := vector_text(value)):
        yield text
        return
    if isinstance(of, Mapping) and of.get("type") == "udt":
        of = of.get("sqlType", "")
    if isinstance(value, Mapping):
        yield from _object(_fields(value, of))
    elif is_nested(value):
        items = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(items, Iterable):
            yield from _list(list(items), of)
        else:  # an array of numpy without dimensions
            yield from _parts(items, "")
    elif is_null(value, of):
        yield "null"
    elif isinstance(value, bool) or type(value).__name__ in {"bool", "Decimal"} or isinstance(value, _NUMBERS):
        text = spark_text(value, of)
        yield text if text[-1] not in "Ny" else f'"{text}"'  # NaN and Infinity are no numbers of JSON
    else:
        yield json.dumps(spark_text(value, of), ensure_ascii=False)


def _fields(value: Mapping[Any, Any], of: Any) -> Iterator[tuple[str, Any, Any]]:
    """The names are the type's: in a dict, two fields of one name have a number each."""
    kind = of if isinstance(of, Mapping) else {}
    if kind.get("type") == "map":
        yield from (
            (spark_text(key, kind.get("keyType", "")), one, kind.get("valueType", "")) for key, one in value.items()
        )
        return
    fields = kind.get("fields") or ()
    is_whole = len(fields) == len(value)
    for number, (key, one) in enumerate(value.items()):
        yield (
            (str(fields[number].get("name", key)), one, fields[number].get("type", ""))
            if is_whole
            else (str(key), one, "")
        )


def _list(items: list[Any], of: Any) -> Iterator[str]:
    kind = of if isinstance(of, Mapping) else {}
    # A map is a list of pairs in a frame; nothing else in one is a tuple.
    if kind.get("type") == "map" or (
        not kind and items and all(isinstance(one, tuple) and len(one) == 2 for one in items)
    ):
        key_type, value_type = kind.get("keyType", ""), kind.get("valueType", "")
        keys = (json_key(key, key_type) for key, _ in items)
        yield from _object(zip(keys, (one for _, one in items), (value_type for _ in items), strict=True))
        return
    yield "["
    for number, one in enumerate(items):
        yield ", " if number else ""
        yield from _parts(one, kind.get("elementType", ""))
    yield "]"


def json_key(key: Any, key_type: Any) -> str:
    return "".join(_parts(key, key_type)) if isinstance(key, Mapping) or is_nested(key) else spark_text(key, key_type)


def _object(fields: Iterable[tuple[str, Any, Any]]) -> Iterator[str]:
    yield "{"
    for number, (name, one, of) in enumerate(fields):
        yield f"{', ' if number else ''}{json.dumps(name, ensure_ascii=False)}: "
        yield from _parts(one, of)
    yield "}"
