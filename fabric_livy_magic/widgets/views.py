"""How a front end is told to draw a widget, and what stands in its place where it is drawn no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabric_livy_magic.output.bundles import Bundle, style
from fabric_livy_magic.output.tables import escaped
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    import ipywidgets

MIME = "application/vnd.jupyter.widget-view+json"
# Without its kernel a widget is "model not found" to JupyterLab, which draws no other twin of it: so the twin is an output of its own,
# below the view's, and one of the two is hidden. The twin waits for a view that is on its way.
ONE_OF_BOTH = """<style>body:has(.flm-v{id}) .flm-g{id},
.jp-OutputArea:has(.flm-v{id}) .jp-OutputArea-child:has(.flm-g{id}),
.jp-OutputArea-child:not(:has(.flm-v{id})):has(+ .jp-OutputArea-child .flm-g{id}){{display:none}}
.flm-g{id}{{animation:flm-g 2s step-end}}
@keyframes flm-g{{from{{visibility:hidden;max-height:0}}}}</style>"""


def view_bundle(widget: ipywidgets.Widget, text: str) -> Bundle:
    """`text`: for a front end that draws none."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {MIME: view, "text/plain": text}


def lasting_bundles(widget: ipywidgets.DOMWidget, text: str, instead: str) -> tuple[Bundle, Bundle]:
    """The view, and what is read in its place once its kernel is gone: two outputs, one right after the other."""
    number = widget.model_id
    widget.add_class(f"flm-v{number}")
    lines = escaped(instead).replace("\n", "<br>")
    below = f'<div class="flm-c flm-g{number}">{lines}</div>'
    twin = {"text/html": f"{style()}{ONE_OF_BOTH.format(id=number)}{below}", "text/plain": printable(instead)}
    return view_bundle(widget, text), twin
