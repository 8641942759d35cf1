"""Messages of widgets are handled while a cell of the session runs, so that a button can be clicked.

The loop breathes then (see `cell_thread`), but ipykernel takes its messages one after the other: 6 by a queue, 7.0 to 7.3 by a lock;
7.4 lets those of widgets through. JupyterLab sends them by a subshell to ipykernel 7, VS Code does not. So they are handled here, in
one way for all, before what waits for the cell. A front end counts a change as under way until it hears `idle` for it, and sends no
further one before that; 7.4 does not say it.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

OF_WIDGETS = frozenset({"comm_open", "comm_msg", "comm_close"})


class WidgetsWhileRunning:
    """Of one kernel."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._cell: tuple[Any, Any] | None = None
        """The identities and the request of the cell that runs, to which outputs belong."""

    @contextlib.contextmanager
    def cell(self) -> Iterator[None]:
        """While it runs the loop takes messages."""
        before = self._cell
        self._cell = (self._kernel._parent_ident["shell"], self._kernel.get_parent("shell"))
        try:
            yield
        finally:
            self._cell = before

    def handle(self, frames: Any) -> bool:
        """False where it is left to ipykernel: while no cell runs, and a message that is no widget's."""
        session = self._kernel.session
        if self._cell is None or session is None:
            return False
        try:
            idents, parts = session.feed_identities(frames, copy=False)
            header = session.deserialize(parts, content=False, copy=False)["header"]
            if header["msg_type"] not in OF_WIDGETS:
                return False
            message = session.deserialize(parts, content=True, copy=False)
        except (ValueError, TypeError):  # ipykernel logs what it cannot read
            return False
        try:
            contextvars.copy_context().run(self._call, idents, message)
        finally:
            self._kernel.set_parent(*self._cell, channel="shell")
            self._kernel._publish_status("busy", "shell")
        return True

    def _call(self, idents: Any, message: dict[str, Any]) -> None:
        kernel = self._kernel
        kernel.set_parent(idents, message, channel="shell")
        try:
            kernel.shell_handlers[message["msg_type"]](kernel.shell_stream, idents, message)
        except Exception:  # as ipykernel does: the cell goes on
            kernel.log.exception("Exception in a widget's message")
        finally:
            kernel._publish_status("idle", "shell")
