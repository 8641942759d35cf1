"""Rows written as they come, batch by batch: CSV, JSON, Parquet, Arrow. What is held is a batch, or a Parquet row group.

Texts of values are those of `to_json` in Spark: dates and moments in ISO 8601 (UTC, with a Z, where they have a zone), binaries in
base64, nested values as JSON.
"""

from __future__ import annotations

import base64
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.frames.shown_columns import columns_of

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("csv", "json", "jsonl", "parquet", "arrow")
BINARY = frozenset({"parquet", "arrow"})
ROW_GROUP_ROWS = 128 * 1024
ROW_GROUP_BYTES = 32 * 1024 * 1024


class ByteSink(Protocol):
    def write(self, content: bytes, /) -> Any: ...
    def flush(self) -> Any: ...


class RowWriter(ABC):
    """`write` each batch, then `finish`, which must not be left out where the file is to be whole."""

    def __init__(self, sink: ByteSink, schema: pa.Schema, *, is_file: bool) -> None:
        """`is_file`: it will have a name and an end, and may be read at any place; else it is a pipe."""
        self.sink = sink

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None: ...

    def finish(self) -> None:
        self.sink.flush()


def row_writer(name: str, sink: ByteSink, schema: pa.Schema, *, is_file: bool) -> RowWriter:
    """Raises SettingsError where the rows cannot be written in that format."""
    return _WRITERS[name](sink, schema, is_file=is_file)


class _Csv(RowWriter):
    """A null is empty, an empty text is `""`."""

    def __init__(self, sink: ByteSink, schema: pa.Schema, *, is_file: bool) -> None:
        super().__init__(sink, schema, is_file=is_file)
        import pyarrow.csv

        self._is_text = [not _is_written_by_arrow(field.type) for field in schema]
        self._schema = _text_schema(schema, self._is_text)
        options = pyarrow.csv.WriteOptions(quoting_style="needed")
        self._writer = pyarrow.csv.CSVWriter(_arrow_sink(sink), self._schema, write_options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa

        columns = [
            _as_texts(column) if is_text else column.cast(field.type)
            for column, is_text, field in zip(batch.columns, self._is_text, self._schema, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def finish(self) -> None:
        self._writer.close()
        super().finish()


class _Json(RowWriter):
    """An array with a row on each line, or a row on each line alone."""

    is_array = True

    def __init__(self, sink: ByteSink, schema: pa.Schema, *, is_file: bool) -> None:
        super().__init__(sink, schema, is_file=is_file)
        _check_names(schema, "JSON")
        self._keys = [f"{json.dumps(name, ensure_ascii=False)}: " for name in schema.names]
        self._before = "[\n" if self.is_array else ""
        self._separator = ",\n" if self.is_array else "\n"

    def write(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        columns = [
            [f"{key}{text}" for text in _json_texts(column)]
            for key, column in zip(self._keys, batch.columns, strict=True)
        ]
        rows = self._separator.join([f"{{{', '.join(row)}}}" for row in zip(*columns, strict=True)])
        self.sink.write(f"{self._before}{rows}".encode("utf-8", "surrogatepass"))
        self._before = self._separator

    def finish(self) -> None:
        nothing_yet = self._before != self._separator
        end = ("[]\n" if nothing_yet else "\n]\n") if self.is_array else "" if nothing_yet else "\n"
        self.sink.write(end.encode())
        super().finish()


class _JsonLines(_Json):
    is_array = False


class _Parquet(RowWriter):
    def __init__(self, sink: ByteSink, schema: pa.Schema, *, is_file: bool) -> None:
        super().__init__(sink, schema, is_file=is_file)
        import pyarrow.parquet
        import pyarrow.types as t

        _check_names(schema, "Parquet")
        for field in schema:
            if t.is_interval(field.type):
                raise SettingsError(
                    f"Parquet has no type for the interval in column {field.name!r}. `CAST({field.name} AS STRING)` makes it a text."
                )
        self._writer = pyarrow.parquet.ParquetWriter(_arrow_sink(sink), schema, compression="zstd", compression_level=1)
        self._schema = schema
        self._held: list[Any] = []

    def write(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        if (
            sum(one.num_rows for one in self._held) >= ROW_GROUP_ROWS
            or sum(one.nbytes for one in self._held) >= ROW_GROUP_BYTES
        ):
            self._write_group()

    def _write_group(self) -> None:
        import pyarrow as pa

        held, self._held = self._held, []
        self._writer.write_table(pa.Table.from_batches(held, self._schema), row_group_size=ROW_GROUP_ROWS)

    def finish(self) -> None:
        if self._held:
            self._write_group()
        self._writer.close()
        super().finish()


class _Arrow(RowWriter):
    """A file for random access, as `pandas.read_feather` and polars take it; into a pipe Arrow's stream."""

    def __init__(self, sink: ByteSink, schema: pa.Schema, *, is_file: bool) -> None:
        super().__init__(sink, schema, is_file=is_file)
        import pyarrow as pa

        options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
        begin = pa.ipc.new_file if is_file else pa.ipc.new_stream
        self._writer = begin(_arrow_sink(sink), schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def finish(self) -> None:
        self._writer.close()
        super().finish()


_WRITERS: Mapping[str, Callable[..., RowWriter]] = {
    "csv": _Csv,
    "json": _Json,
    "jsonl": _JsonLines,
    "parquet": _Parquet,
    "arrow": _Arrow,
}


class _CountedSink:
    """Arrow asks where it is, which a pipe does not know."""

    closed = False

    def __init__(self, sink: ByteSink) -> None:
        self._sink, self._written = sink, 0

    def write(self, content: Any) -> int:
        self._sink.write(content)
        self._written += len(content)
        return len(content)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._sink.flush()


def _arrow_sink(sink: ByteSink) -> Any:
    import pyarrow as pa

    return pa.PythonFile(_CountedSink(sink), mode="w")


def _check_names(schema: pa.Schema, what: str) -> None:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise SettingsError(
            f"{what} has one value for each name, and there are several columns {', '.join(map(repr, twice))}. Give them names of "
            "their own (AS)."
        )


# ------------------------------------------------------------------------------------------------ texts of values
def _is_written_by_arrow(kind: Any) -> bool:
    import pyarrow.types as t

    return bool(
        t.is_integer(kind)
        or t.is_floating(kind)
        or t.is_decimal(kind)
        or t.is_boolean(kind)
        or t.is_string(kind)
        or t.is_date32(kind)
    )


def _text_schema(schema: pa.Schema, is_text: Sequence[bool]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [pa.field(field.name, pa.string() if text else field.type) for field, text in zip(schema, is_text, strict=True)]
    )


def _as_texts(column: pa.Array) -> pa.Array:
    """For CSV: as in JSON, a text without its quotes."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    if t.is_null(kind):
        return column.cast(pa.string())
    texts = [None if text == "null" else text for text in _json_texts(column)]
    is_quoted = not t.is_nested(kind)
    return pa.array(
        [json.loads(text) if text is not None and is_quoted and text[0] == '"' else text for text in texts], pa.string()
    )


def _json_texts(column: pa.Array) -> list[str]:
    """Of each value of a column."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    if t.is_integer(kind) or t.is_decimal(kind):
        return [one or "null" for one in column.cast(pa.string()).to_pylist()]
    if t.is_boolean(kind):
        return ["null" if one is None else "true" if one else "false" for one in column.to_pylist()]
    if t.is_string(kind):
        encode = json.encoder.encode_basestring  # what `dumps` calls, without its ways around
        return ["null" if one is None else encode(one) for one in column.to_pylist()]
    if t.is_date(kind) or t.is_timestamp(kind):
        return [f'"{_iso(one)}"' if one is not None else "null" for one in column.cast(pa.string()).to_pylist()]
    if t.is_float64(kind):
        return [_float_text(one) for one in column.to_pylist()]
    if t.is_floating(kind):  # 0.1, not the double beside it
        return [_float_text(one) for one in columns_of(pa.Table.from_arrays([column], ["c"]))[0]]
    return [_json_text(one, kind) for one in _python_values(column)]


def _python_values(column: pa.Array) -> list[Any]:
    import pyarrow as pa

    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # a year that Python has not
        values = columns_of(pa.Table.from_arrays([column], ["c"]))[0]
    return values


def _iso(text: str) -> str:
    return text.replace(" ", "T", 1)


def _float_text(value: float | None) -> str:
    """JSON has no numbers for NaN and the infinities; Spark writes them as texts."""
    if value is None:
        return "null"
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if value != value else '"Infinity"' if value > 0 else '"-Infinity"'


def _json_text(value: Any, kind: Any) -> str:
    """A map is an object where its keys are no objects or lists themselves, else a list of pairs."""
    import pyarrow.types as t

    if value is None:
        return "null"
    if t.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        values = value.values() if isinstance(value, Mapping) else value
        parts = [f"{_quoted(one.name)}: {_json_text(of, one.type)}" for one, of in zip(fields, values, strict=True)]
        return f"{{{', '.join(parts)}}}"
    if t.is_map(kind):
        pairs = [(_json_text(key, kind.key_type), _json_text(one, kind.item_type)) for key, one in value]
        if t.is_nested(kind.key_type):
            return f"[{', '.join(f'[{key}, {one}]' for key, one in pairs)}]"
        return f"{{{', '.join(f'{key if key[0] == _QUOTE else _quoted(key)}: {one}' for key, one in pairs)}}}"
    if t.is_list(kind) or t.is_large_list(kind):
        return f"[{', '.join(_json_text(one, kind.value_type) for one in value)}]"
    return _scalar_text(value)


_QUOTE = '"'


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return _quoted(base64.b64encode(value).decode("ascii"))
    if isinstance(value, timedelta):
        return _quoted(_duration(0, value.days, value.seconds * 10**9 + value.microseconds * 1000))
    if hasattr(value, "nanoseconds"):  # Arrow's interval of months, days and nanoseconds
        return _quoted(_duration(value.months, value.days, value.nanoseconds))
    return _quoted(value.isoformat() if hasattr(value, "isoformat") else str(value))


def _duration(months: int, days: int, nanoseconds: int) -> str:
    """In ISO 8601."""
    seconds = f"{Decimal(nanoseconds).scaleb(-9).normalize():f}"
    parts = [f"{months}M" if months else "", f"{days}D" if days else "", f"T{seconds}S" if nanoseconds else ""]
    return f"P{''.join(parts) or 'T0S'}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
