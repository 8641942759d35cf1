"""What a batch is asked for: a program, what goes with it, and the Spark application that it gets."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabric_livy_magic.settings import SessionSpec


@dataclass(frozen=True, kw_only=True)
class BatchSpec:
    """The request for a batch. Files are addresses that the server reads. `session` has its name, conf and sizes."""

    file: str
    args: tuple[str, ...] = field(default=(), repr=False)
    class_name: str | None = None
    jars: tuple[str, ...] = ()
    py_files: tuple[str, ...] = ()
    session: SessionSpec = field(default_factory=SessionSpec)
