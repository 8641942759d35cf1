"""MIME bundles: every one has a text/plain twin. A string that comes from data or from a server is escaped where it goes into HTML."""

from __future__ import annotations

import contextlib
import contextvars
import html
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from fabric_livy_magic.printable import printable

Bundle = dict[str, Any]


class Shown(Protocol):
    """An output that can be drawn anew: IPython's DisplayHandle, or one of a panel."""

    def update(self, bundle: Bundle, *, raw: bool = True, metadata: Mapping[str, Any] | None = None) -> None: ...


_place: contextvars.ContextVar[Callable[[Bundle], Shown] | None] = contextvars.ContextVar("place", default=None)


@contextlib.contextmanager
def shown_at(place: Callable[[Bundle], Shown]) -> Iterator[None]:
    """Within it, and in the threads that are started in it, outputs go there instead of below the cell."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def has_other_place() -> bool:
    return _place.get() is not None


@cache
def style() -> str:
    """table.css, in each output: another one may be deleted. `.flm.flm` outweighs JupyterLab's own rule, which aligns all cells of
    a rendered table to the right."""
    return f"<style>{(files('fabric_livy_magic.output') / 'table.css').read_text(encoding='utf-8')}</style>"


def note_bundle(text: str) -> Bundle:
    text = printable(text)
    return {"text/html": f'{style()}<div class="flm-c">{html.escape(text)}</div>', "text/plain": text}


def show(
    bundle: Bundle, metadata: Mapping[str, Any] | None = None, display_id: str = "", *, update: bool = False
) -> None:
    """`update`: all displays that have the id, and no other."""
    if (place := _place.get()) and not update:
        place(bundle)
        return
    if set(bundle) == {"text/plain"} and not display_id:
        text = bundle["text/plain"]
        print(text, end="" if text.endswith("\n") else "\n", flush=True)
        return
    from IPython.display import display

    options: dict[str, Any] = {"display_id": display_id, "update": update} if display_id else {}
    display(bundle, raw=True, metadata=dict(metadata or {}), **options)


def show_updatable(bundle: Bundle) -> Shown:
    if place := _place.get():
        return place(bundle)
    from IPython.display import display

    shown: Shown = display(bundle, raw=True, display_id=True)
    return shown


def clear_all_but(shown: Shown | None, bundle: Bundle, *, is_followed: bool) -> None:
    """The outputs of the cell go; `shown` is drawn once more. `is_followed`: something else is shown at once, so that nothing
    flickers."""
    from IPython.display import DisplayHandle, clear_output

    clear_output(wait=is_followed or shown is not None)
    if isinstance(shown, DisplayHandle):
        shown.display(bundle, raw=True)
