"""MIME bundles: every one has a text/plain twin. A string that comes from data or from a server is escaped where it goes into HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.printable import printable

Bundle = dict[str, Any]
# `.flm.flm` outweighs JupyterLab's own rule, which aligns all cells of a rendered table to the right.
STYLE = (
    "<style>.flm{border-collapse:collapse;font-size:12px}.flm.flm th,.flm.flm td{padding:3px 8px;text-align:left;"
    "white-space:pre;border-bottom:1px solid rgba(128,128,128,.25)}.flm.flm .n{text-align:right;"
    "font-variant-numeric:tabular-nums}.flm.flm .l{white-space:pre-wrap;min-width:20em}.flm th span{display:block;font-weight:normal;opacity:.6}"
    ".flm i{opacity:.5}.flm-c{font-size:12px;opacity:.75;margin:4px 0}</style>"
)


def note_bundle(text: str) -> Bundle:
    text = printable(text)
    return {"text/html": f'{STYLE}<div class="flm-c">{html.escape(text)}</div>', "text/plain": text}


def show(bundle: Bundle, metadata: Mapping[str, Any] | None = None) -> None:
    if set(bundle) == {"text/plain"}:
        text = bundle["text/plain"]
        print(text, end="" if text.endswith("\n") else "\n", flush=True)
        return
    from IPython.display import display

    display(bundle, raw=True, metadata=dict(metadata or {}))
