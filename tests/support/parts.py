"""The parts of a result by what they are."""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.running.results import Printed, Result, Shown


def streams(result: Result) -> list[tuple[str, str]]:
    """[(stream, text)] of what was printed."""
    return [(part.stream, part.text) for part in result.parts if isinstance(part, Printed)]


def bundles(result: Result) -> list[dict[str, Any]]:
    """The MIME bundles that were shown."""
    return [dict(part.data) for part in result.parts if isinstance(part, Shown)]
