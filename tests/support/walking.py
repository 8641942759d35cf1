"""What somebody who got an error can reach from it: a debugger, a log of tracebacks, an error reporter."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

TESTS = str(Path(__file__).parents[1])
DEEPEST = 6


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error with its causes and contexts, suppressed ones too."""
    todo, seen = [error], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [before for before in (one.__cause__, one.__context__) if before is not None]


def frames(error: BaseException) -> list[FrameType]:
    """Those of the error's traceback, without the test's own."""
    found = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return [frame for frame in found if not frame.f_code.co_filename.startswith(TESTS)]


def places_of(secret: str, error: BaseException) -> list[str]:
    """Where the secret is: in an error, its attributes, or the local names of its calls, as they are shown and as they can
    be followed. An object of the product keeps its secrets while it lives; it counts by what it shows."""
    found = []
    for one in chain(error):
        shown = f"{type(one).__name__}"
        if secret in str(one) or secret in repr(one.args):
            found.append(shown)
        found += [f"{shown}.{name}" for name, value in vars(one).items() if _holds(value, secret, DEEPEST)]
        for frame in frames(one):
            where = f"{shown} in {Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"
            found += [f"{where}: {name}" for name, value in frame.f_locals.items() if _holds(value, secret, DEEPEST)]
    return found


def _holds(value: Any, secret: str, depth: int) -> bool:
    if secret in repr(value) or (isinstance(value, bytes) and secret.encode() in value):
        return True
    is_ours = type(value).__module__.split(".")[0] in {"fabric_livy_magic", "tests"}
    if depth == 0 or is_ours or callable(value):
        return False
    parts: list[Any] = []
    if isinstance(value, Mapping):
        parts += [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts += value
    elif hasattr(value, "__dict__"):
        parts += vars(value).values()
    return any(_holds(part, secret, depth - 1) for part in parts)
