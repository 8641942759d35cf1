"""Dates and moments outside Python's years, 1 to 9999, as Spark's own text.

Spark's calendar reaches from year -290308 to 294247. 400 of its years are a whole number of weeks, and one is like the one 400 later.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import Any

from fabric_livy_magic.frames.pandas_columns import buffers_for_type, pylist_type

CYCLE_YEARS, CYCLE_DAYS = 400, 146_097
DAY_US = 86_400_000_000
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def far_values(column: Any) -> list[Any] | None:
    """The column's values, the far ones as text; None where it has none, or no dates and moments at all."""
    import pyarrow as pa

    kind = pylist_type(column.type)
    numbers = _numbers_type(kind)
    if numbers == kind or _is_near(column):
        return None
    values = [
        value
        for chunk in column.chunks
        for value in pa.Array.from_buffers(*buffers_for_type(chunk, numbers)).to_pylist()
    ]
    found: list[str] = []
    readable = [_readable(value, column.type, found) for value in values]
    return readable if found else None


def _is_near(column: Any) -> bool:
    """Without a look at each value; False where that would not tell."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = column.type
    if not (t.is_date32(kind) or t.is_timestamp(kind)):
        return False
    ends = pc.min_max(column.cast("int32" if t.is_date32(kind) else "int64")).as_py()
    if ends["min"] is None:
        return True
    per_day = 1 if t.is_date32(kind) else 86_400 * _PER_SECOND[kind.unit]
    first, last = (one.toordinal() - _EPOCH for one in (datetime.date.min, datetime.date.max))
    return bool((first + 2) * per_day < ends["min"] and ends["max"] < (last - 2) * per_day)


def _numbers_type(kind: Any) -> Any:
    """The type with the numbers in the place of the dates and moments that they stand for."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_date32(kind):
        return pa.int32()
    if t.is_date64(kind) or t.is_timestamp(kind):
        return pa.int64()
    if t.is_list(kind):
        return pa.list_(_numbers_type(kind.value_type))
    if t.is_map(kind):
        return pa.map_(_numbers_type(kind.key_type), _numbers_type(kind.item_type))
    if t.is_struct(kind):
        return pa.struct([(one.name, _numbers_type(one.type)) for one in map(kind.field, range(kind.num_fields))])
    return kind


def _readable(value: Any, kind: Any, found: list[str]) -> Any:
    import pyarrow.types as t

    if value is None:
        return None
    if t.is_date(kind):
        return _kept(found, _date_of(value if t.is_date32(kind) else value // 86_400_000))
    if t.is_timestamp(kind):
        return _kept(found, _moment_of(value * 1_000_000 // _PER_SECOND[kind.unit], kind.tz))
    if t.is_list(kind):
        return [_readable(one, kind.value_type, found) for one in value]
    if t.is_map(kind):
        return [(_readable(key, kind.key_type, found), _readable(one, kind.item_type, found)) for key, one in value]
    if t.is_struct(kind):
        types = [kind.field(number).type for number in range(kind.num_fields)]
        return {name: _readable(one, of, found) for (name, one), of in zip(value.items(), types, strict=True)}
    return value


def _kept(found: list[str], value: Any) -> Any:
    if isinstance(value, str):
        found.append(value)
    return value


def _date_of(days: int) -> Any:
    near, cycles = _near(days + _EPOCH)
    date = datetime.date.fromordinal(near)
    year = date.year + cycles * CYCLE_YEARS
    return date.replace(year=year) if 1 <= year <= 9999 else f"{_year_text(year)}-{date:%m-%d}"


def _moment_of(micros: int, zone: str | None) -> Any:
    """In the column's zone, as a moment without one."""
    days, rest = divmod(micros, DAY_US)
    near, cycles = _near(days + _EPOCH)
    moment = datetime.datetime.combine(datetime.date.fromordinal(near), datetime.time())
    moment += datetime.timedelta(microseconds=rest)
    if zone is not None:
        moment = moment.replace(tzinfo=datetime.UTC).astimezone(_zone(zone)).replace(tzinfo=None)
    year = moment.year + cycles * CYCLE_YEARS
    if 1 <= year <= 9999:
        return moment.replace(year=year)
    return f"{_year_text(year)}-{moment:%m-%d %H:%M:%S}" + f".{moment.microsecond:06}".rstrip("0").rstrip(".")


def _near(ordinal: int) -> tuple[int, int]:
    """A day well within Python's years that is like this one, and how many cycles later this one is."""
    last = datetime.date.max.toordinal()
    if CYCLE_DAYS < ordinal < last - CYCLE_DAYS:
        return ordinal, 0
    # A zone's rules are those of its end of time.
    begin = CYCLE_DAYS if ordinal <= CYCLE_DAYS else last - 2 * CYCLE_DAYS
    cycles = (ordinal - begin) // CYCLE_DAYS
    return ordinal - cycles * CYCLE_DAYS, cycles


def _year_text(year: int) -> str:
    return f"+{year}" if year > 9999 else f"{'-' if year < 0 else ''}{abs(year):04}"


def _zone(name: str) -> datetime.tzinfo:
    if offset := re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d\d):?(\d\d)", name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return datetime.timezone(datetime.timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return datetime.UTC
