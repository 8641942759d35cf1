"""Texts that are cut, counted things, amounts of bytes and times, as all outputs write them."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def cut(text: str, most: int) -> str:
    """At most `most` characters, the last one of a longer text being an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(count: int, what: str) -> str:
    """1 row, 1,000 rows."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def bytes_text(count: int) -> str:
    """1,127,428,915 → 1.0 GiB."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def seconds_text(seconds: float) -> str:
    """Of something that has ended: 6.2 s, 75 s, 12 min 5 s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"
