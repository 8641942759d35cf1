"""MIME bundles: every one has a text/plain twin. A string that comes from data or from a server is escaped where it goes into HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fabric_livy_magic.printable import printable

Bundle = dict[str, Any]


@cache
def style() -> str:
    """table.css, in each output: another one may be deleted. `.flm.flm` outweighs JupyterLab's own rule, which aligns all cells of
    a rendered table to the right."""
    return f"<style>{(files('fabric_livy_magic.output') / 'table.css').read_text(encoding='utf-8')}</style>"


def note_bundle(text: str) -> Bundle:
    text = printable(text)
    return {"text/html": f'{style()}<div class="flm-c">{html.escape(text)}</div>', "text/plain": text}


def show(bundle: Bundle, metadata: Mapping[str, Any] | None = None) -> None:
    if set(bundle) == {"text/plain"}:
        text = bundle["text/plain"]
        print(text, end="" if text.endswith("\n") else "\n", flush=True)
        return
    from IPython.display import display

    display(bundle, raw=True, metadata=dict(metadata or {}))
