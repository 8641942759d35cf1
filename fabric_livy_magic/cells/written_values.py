"""Values as a person writes them behind `-p NAME=` in a terminal. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.errors import SettingsError


def read_parameters(parameters: Sequence[str]) -> dict[str, Any]:
    """Each value as Python or JSON where it can be read as that, else as text. Raises SettingsError."""
    found: dict[str, Any] = {}
    for one in parameters:
        name, equals, text = one.partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsError(f"-p takes NAME=VALUE, not {one!r}.")
        found[name.strip()] = _read_value(text)
    return found


def _read_value(text: str) -> Any:
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text
