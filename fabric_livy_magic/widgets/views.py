"""How a front end is told to draw a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabric_livy_magic.output.bundles import Bundle

if TYPE_CHECKING:
    import ipywidgets

MIME = "application/vnd.jupyter.widget-view+json"


def view_bundle(widget: ipywidgets.Widget, text: str) -> Bundle:
    """`text`: for a front end that draws none."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {MIME: view, "text/plain": text}
