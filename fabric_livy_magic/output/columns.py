"""Columns of a result as texts, column by column: a thousand rows of fifty columns have the time that a glance takes."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from fabric_livy_magic.output.nested_json import is_vector, nested_json
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.output.values import float_text, is_nested, is_not_a_time, is_null, moment_text, spark_text

NULL_MARK, NAT_MARK = 0, 1  # as in table.js: no text, so that they cannot be mistaken for one
MARKS = ("NULL", "NaT")
Texts: TypeAlias = list[str | int]
_NUMBERS = ("byte", "short", "int", "long", "uint", "float", "double", "decimal", "BIGINT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True)
class Column:
    """`kind` is the type in a word; `spark_type` is Spark's, as in its schema JSON, where the values are Spark's."""

    name: str
    values: Sequence[Any]
    kind: str = ""
    spark_type: Any = ""

    @property
    def is_number(self) -> bool:
        return self.kind.startswith(_NUMBERS) and not self.kind.startswith("interval")

    @property
    def is_nested(self) -> bool:
        return isinstance(self.spark_type, Mapping) and not is_vector(self.spark_type)

    @property
    def order(self) -> str:
        """How the script sorts it: n numbers, t dates and moments, s texts."""
        return "n" if self.is_number else "t" if self.kind.startswith(("date", "timestamp")) else "s"

    @property
    def whole_type(self) -> str:
        """Where it is more than `kind`."""
        return whole_type_name(self.spark_type) if isinstance(self.spark_type, Mapping) else ""

    def ranks(self, rows: int) -> list[int]:
        """The order of intervals, whose texts have another."""
        if not self.kind.startswith("interval"):
            return []
        keys = [getattr(value, "months", value) for value in self.values[:rows]]
        if not all(isinstance(key, int | datetime.timedelta) or is_null(key) for key in keys):
            return []
        order = {key: rank for rank, key in enumerate(sorted({key for key in keys if not is_null(key)}))}
        return [order.get(key, 0) for key in keys]

    def texts(self, most_of_one: int) -> Texts:
        """A text longer than `most_of_one` is cut."""
        kinds = set(map(type, self.values)) - {type(None)}
        kind = kinds.pop() if len(kinds) == 1 else None
        write: Callable[[Any], str] | None = _WRITE.get(kind)
        if kind is float and self.is_number:
            write = partial(float_text, is_single=self.spark_type == "float")
        texts: Texts
        if write is not None:
            texts = [NULL_MARK if one is None else write(one) for one in self.values]
        else:
            texts = [_text(one, self.spark_type, most_of_one) for one in self.values]
        return (
            texts
            if characters(texts) <= most_of_one
            else [one if isinstance(one, int) else cut(one, most_of_one) for one in texts]
        )


# Of a column of nothing else. The order of the functions' work is `spark_text`'s, without its questions.
_WRITE: dict[Any, Callable[[Any], str]] = {
    str: str,
    int: str,
    bool: lambda one: "true" if one else "false",
    decimal.Decimal: "{:f}".format,
    datetime.date: str,
    datetime.datetime: moment_text,
}


def characters(texts: Texts) -> int:
    """Of all of them together."""
    return len("".join([one for one in texts if one.__class__ is str]))


def _text(value: Any, spark_type: Any, most: int) -> str | int:
    if is_not_a_time(value):
        return NAT_MARK
    if is_null(value, spark_type):
        return NULL_MARK
    if isinstance(value, Mapping) or is_nested(value):
        return nested_json(value, spark_type, most)
    return spark_text(value, spark_type)


_SIMPLE_NAMES = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}


def whole_type_name(spark_type: Any) -> str:
    """As Spark writes it: `array<int>`, `map<string,int>`, `struct<a:int,b:string>`."""
    if not isinstance(spark_type, Mapping):
        return _SIMPLE_NAMES.get(str(spark_type), str(spark_type or ""))
    kind = spark_type.get("type")
    if kind == "array":
        return f"array<{whole_type_name(spark_type.get('elementType'))}>"
    if kind == "map":
        return f"map<{whole_type_name(spark_type.get('keyType'))},{whole_type_name(spark_type.get('valueType'))}>"
    if kind == "struct":
        fields = [f"{one.get('name', '')}:{whole_type_name(one.get('type'))}" for one in spark_type.get("fields") or ()]
        return f"struct<{','.join(fields)}>"
    return udt_name(spark_type) if kind == "udt" else str(kind or "")


def udt_name(spark_type: Mapping[str, Any]) -> str:
    """`vector` of `org.apache.spark.ml.linalg.VectorUDT`."""
    name = str(spark_type.get("pyClass") or spark_type.get("class") or "").rpartition(".")[2].rstrip("$")
    return name.removesuffix("UDT").lower() or "udt"
