"""Placeholder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fabric_livy_magic.local.jvm import Jvm


class Catalog:
    def __init__(self, jvm: Jvm, lakehouse: Path, note: Callable[[str], None]) -> None:
        pass

    def refresh(self) -> None:
        pass

    def save(self) -> None:
        pass
