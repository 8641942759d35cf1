"""Widgets of ipywidgets, as pictures: their JavaScript part would need a channel to this Python, which a Livy session has not.

A picture is drawn anew while its cell runs, and at the end of each cell.
"""

from __future__ import annotations

import base64
import html
import re
import sys
import weakref
from typing import Any, Callable

VIEW = "application/vnd.jupyter.widget-view+json"
MOST_DEPTH = 10
BAR_CHARACTERS = 20
ROWS = {"HBox"}
BOXES = {"Box", "VBox", "HBox", "GridBox", "GridspecLayout", "AppLayout", "TwoByTwoLayout", "Tab", "Accordion", "Stack"}
PROGRESS = {"FloatProgress", "IntProgress"}
CHECKS = {"Checkbox", "ToggleButton", "Valid"}
HTML_TEXTS = {"HTML", "HTMLMath"}
TAG = re.compile("<[^>]*>")


def is_widget(value: Any) -> bool:
    module = sys.modules.get("ipywidgets")
    kind = getattr(module, "DOMWidget", None)
    return isinstance(kind, type) and isinstance(value, kind)


def by_id(view: Any) -> Any:
    """The widget of a MIME bundle that names it."""
    module = sys.modules.get("ipywidgets.widgets.widget")
    known = getattr(module, "_instances", None) or getattr(getattr(module, "Widget", None), "widgets", None) or {}
    return known.get(view.get("model_id")) if isinstance(view, dict) else None


def name_of(widget: Any) -> str:
    return f"widget-{getattr(widget, 'model_id', None) or id(widget)}"


def picture_of(widget: Any) -> Callable[[], Any]:
    """Gives the event that draws it, where it does not look as it did with the last call."""
    found = weakref.ref(widget)
    last = [bundle_of(widget)]

    def event() -> Any:
        seen = found()
        bundle = last[0] if seen is None else bundle_of(seen)
        if bundle == last[0]:
            return None
        last[0] = bundle
        return {"data": bundle, "metadata": {}}

    return event


def bundle_of(widget: Any) -> dict[str, str]:
    try:
        return {"text/html": f"<div>{html_of(widget)}</div>", "text/plain": text_of(widget)}
    except Exception:  # noqa: BLE001 - a widget may change while it is read, or be of any class
        name = type(widget).__name__
        return {"text/html": f"<code>{html.escape(name)}</code>", "text/plain": name}


def kind_of(widget: Any) -> set[str]:
    return {kind.__name__ for kind in type(widget).__mro__}


def is_hidden(widget: Any) -> bool:
    layout = getattr(widget, "layout", None)
    is_closed = getattr(widget, "comm", "") is None
    return is_closed or getattr(layout, "display", "") == "none" or getattr(layout, "visibility", "") == "hidden"


def html_of(widget: Any, depth: int = 0) -> str:
    if is_hidden(widget) or depth > MOST_DEPTH:
        return ""
    kinds, value = kind_of(widget), getattr(widget, "value", None)
    if kinds & BOXES:
        parts = [html_of(child, depth + 1) for child in widget.children]
        if not kinds & ROWS:
            return "".join(f"<div>{part}</div>" for part in parts)
        spans = "".join(f"<span>{part}</span>" for part in parts)
        return f'<div style="display:flex;gap:.4em;align-items:center">{spans}</div>'
    label = html.escape(str(getattr(widget, "description", "") or ""))
    if kinds & PROGRESS:
        low, high = float(widget.min), float(widget.max)
        done = f'value="{float(widget.value) - low:g}" max="{max(high - low, 1e-9):g}"'
        return f"{label} <progress {done}>{share_of(widget):.0%}</progress>".strip()
    if kinds & HTML_TEXTS:
        return f"{label} {value}".strip()
    if "Button" in kinds:
        return f"<button disabled>{label}</button>"
    if kinds & CHECKS:
        return f'<input type="checkbox" disabled{" checked" if value else ""}> {label}'
    if "Image" in kinds and isinstance(value, (bytes, memoryview)):
        kind = html.escape(str(getattr(widget, "format", "png")))
        return f'<img src="data:image/{kind};base64,{base64.b64encode(value).decode()}">'
    return f"{label} <span>{html.escape(text_of(widget, depth, with_label=False))}</span>".strip()


def text_of(widget: Any, depth: int = 0, *, with_label: bool = True) -> str:
    if is_hidden(widget) or depth > MOST_DEPTH:
        return ""
    kinds, value = kind_of(widget), getattr(widget, "value", None)
    if kinds & BOXES:
        between = " " if kinds & ROWS else "\n"
        return between.join(filter(None, (text_of(child, depth + 1) for child in widget.children)))
    label = str(getattr(widget, "description", "") or "") if with_label else ""
    if kinds & PROGRESS:
        share = share_of(widget)
        bar = "#" * round(share * BAR_CHARACTERS)
        drawn = f"|{bar:<{BAR_CHARACTERS}}|"
        is_alone = label or not depth  # tqdm says the numbers beside it
        return f"{label} {share:.0%}{drawn} {value:g}/{widget.max:g}".strip() if is_alone else drawn
    if kinds & HTML_TEXTS:
        return f"{label} {html.unescape(TAG.sub('', str(value)))}".strip()
    if "Output" in kinds:
        return "".join(str(one.get("text", "")) for one in getattr(widget, "outputs", ()))
    if "Button" in kinds:
        return f"[{label}]"
    shown = getattr(widget, "label", None) if hasattr(widget, "options") else value
    if shown is None or isinstance(shown, (bytes, memoryview)):
        shown = type(widget).__name__
    return f"{label} {shown}".strip()


def share_of(widget: Any) -> float:
    low, high = float(widget.min), float(widget.max)
    return min(1.0, max(0.0, (float(widget.value) - low) / (high - low))) if high > low else 1.0
