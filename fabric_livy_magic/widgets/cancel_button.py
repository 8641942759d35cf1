"""The Cancel button beside the progress of a cell that runs, where the front end draws widgets and their messages arrive meanwhile."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import TYPE_CHECKING

from fabric_livy_magic.livy.waiting import InterruptRequest, interrupt_request_of_thread, run_in_background
from fabric_livy_magic.output.bundles import Bundle
from fabric_livy_magic.widgets.views import view_bundle

if TYPE_CHECKING:
    import ipywidgets

SHOWN_WITHIN_S = 6.0  # a page loads the code of its first widget
TOOLTIP = "Cancels the statement, as the interrupt of the notebook does"


class CancelButton:
    """The progress of one cell with a button: one output, whose place the progress without it takes in the end."""

    is_of_no_use = False
    """Of this kernel: its front end drew none in time, so no further line waits for one."""

    def __init__(self, interrupt_request: InterruptRequest, progress: Bundle) -> None:
        import ipywidgets as widgets

        self._interrupt_request = interrupt_request
        self._text = progress["text/plain"]
        self._made_at = time.monotonic()
        self._progress = widgets.HTML(progress["text/html"], layout=widgets.Layout(flex="1 1 auto"))
        self._button = widgets.Button(
            description="Cancel",
            tooltip=TOOLTIP,
            layout=widgets.Layout(width="auto", flex="0 0 auto"),
            _view_count=0,  # the front end counts its views then, and says so
        )
        self._button.on_click(self._cancel)
        self._box = widgets.HBox([self._progress, self._button])

    @property
    def bundle(self) -> Bundle:
        self._made_at = time.monotonic()  # what is displayed anew has as long to be drawn
        return {**view_bundle(self._box, self._text), "text/html": self._progress.value}

    def draw(self, progress: Bundle) -> bool:
        """False where the front end has not drawn it in time: then it is no place for the progress."""
        if not self._button._view_count and time.monotonic() - self._made_at > SHOWN_WITHIN_S:
            CancelButton.is_of_no_use = True
            return False
        self._progress.value = progress["text/html"]
        return True

    def _cancel(self, _button: ipywidgets.Button) -> None:
        """Once: a second interrupt ends the cell without its clean-up."""
        if self._button.disabled:
            return
        self._button.disabled, self._button.description = True, "Cancelling …"
        self._interrupt_request.interrupt_cell()

    def close(self) -> None:
        """After its output has another content: a view without a model says so."""
        parts = (self._box, self._button, self._progress)
        for one in (*parts, *(part.layout for part in parts), self._button.style, self._progress.style):
            one.close()


def cancel_button() -> Callable[[Bundle], CancelButton | None] | None:
    """For the cell of this thread: gives the button for its progress, None until ipywidgets is loaded. None where none can be clicked
    while a cell runs: a cell of a plain kernel holds the thread that would handle it."""
    interrupt_request = interrupt_request_of_thread()
    if interrupt_request is None:
        return None
    loading: Future[ModuleType] | None = None

    def button(progress: Bundle) -> CancelButton | None:
        nonlocal loading
        if CancelButton.is_of_no_use:
            return None
        if loading is None:
            loading, _ = run_in_background(lambda: importlib.import_module("ipywidgets"), "widgets")
        return CancelButton(interrupt_request, progress) if loading.done() and not loading.exception() else None

    return button
