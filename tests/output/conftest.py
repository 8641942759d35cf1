"""A plain statement's output as it is displayed."""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.livy.models import Output
from fabric_livy_magic.output.results import part_bundle
from fabric_livy_magic.running.results import Printed, parts_of_output


def shown(raw: dict[str, Any], rows_shown: int = 20, limit: int | None = None) -> dict[str, Any]:
    """The one part of a plain statement's output, as it is displayed."""
    parts = parts_of_output(Output.from_json(raw), limit)
    if not parts:
        return {}
    (part,) = parts
    return {"text/plain": part.text} if isinstance(part, Printed) else part_bundle(part, rows_shown, 1.24)
