"""`display`, its handles, `update_display`, `clear_output` and `publish_display_data`, as IPython has them."""

from __future__ import annotations

import base64
import threading
import uuid
from typing import Any

from . import display as views
from . import widgets
from .output import running


class DisplayHandle:
    """A display that later code changes, also of another cell."""

    def __init__(self, display_id: Any = None) -> None:
        self.display_id = uuid.uuid4().hex if display_id is None else display_id

    def __repr__(self) -> str:
        return f"<DisplayHandle display_id={self.display_id}>"

    def display(self, value: Any, **options: Any) -> None:
        """Once more, by the same id."""
        display(value, display_id=self.display_id, **options)

    def update(self, value: Any, **options: Any) -> None:
        update_display(value, display_id=self.display_id, **options)


def display(
    *values: Any,
    raw: bool = False,
    metadata: Any = None,
    summary: bool = False,
    display_id: Any = None,
    transient: Any = None,
    update: bool = False,
    clear: bool = False,
    include: Any = None,
    exclude: Any = None,
    **ignored: Any,
) -> Any:
    """A notebook's own; with `raw` the values are MIME bundles, with `summary` frames are shown as their columns' statistics."""
    if display_id is None:
        display_id = (transient or {}).get("display_id")
    if update and display_id is None:
        raise TypeError("display_id required for update_display")
    if display_id is True:
        display_id = uuid.uuid4().hex
    if clear:
        clear_output(wait=True)
    for value in values:
        if is_outside():
            print(repr(value))  # noqa: T201
        elif raw:
            views.emit(bundle_event(dict(value), metadata), name_of(display_id), update=update)
        else:
            shown = views.statistics(value) if summary else value
            views.show(shown, name_of(display_id), update=update, metadata=metadata, only=(include, exclude))
    return None if display_id is None or update else DisplayHandle(display_id)


def update_display(value: Any, *, display_id: Any, **options: Any) -> None:
    display(value, display_id=display_id, update=True, **options)


def publish_display_data(
    data: Any, metadata: Any = None, *unused: Any, transient: Any = None, update: bool = False, **ignored: Any
) -> None:
    display(data, raw=True, metadata=metadata, transient=transient, update=update)


def clear_output(wait: bool = False) -> None:
    """Of a thread whose cell has ended it does nothing: the output would be another cell's."""
    if not is_outside() and not running.is_late():
        running.call.guard.drain()
        running.call.output.clear(wait)


def displayHTML(html: Any) -> None:  # noqa: N802 - Fabric's name
    """Shows a text of HTML below the cell."""
    display({"text/html": str(html), "text/plain": "<HTML>"}, raw=True)


def is_outside() -> bool:
    """Whether this is a statement that runs without the agent."""
    return running.call is None and threading.current_thread() is threading.main_thread()


def name_of(display_id: Any) -> str:
    return "" if display_id is None else f"{running.displays.prefix}-{display_id}"


def bundle_event(data: dict[str, Any], metadata: Any) -> dict[str, Any]:
    if widgets.VIEW in data:
        widget = widgets.by_id(data.pop(widgets.VIEW))
        if widget is not None:
            data.update(widgets.bundle_of(widget))
    travelling = {
        kind: base64.b64encode(one).decode("ascii") if isinstance(one, bytes) else one for kind, one in data.items()
    }
    return {"data": travelling, "metadata": metadata or {}}


# What libraries and cells import of IPython by these names.
OF_IPYTHON: dict[str, Any] = {
    one.__name__: one for one in (display, update_display, clear_output, publish_display_data, DisplayHandle)
}
