"""Stub until merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def split_statements(text: str) -> list[str]:
    return [p.strip() for p in text.split(";") if p.strip()]


def parameter_names(statement: str) -> list[str]:
    return []


def bound(names: Sequence[str], lookup: Mapping[str, Any]) -> dict[str, Any]:
    return {}
