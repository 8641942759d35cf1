"""What `%livy` lines give in the panel: outputs that are drawn in it instead of below a cell, also by the threads of a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.output.bundles import Bundle, Shown, shown_at
from fabric_livy_magic.output.tables import escaped
from fabric_livy_magic.printable import printable
from fabric_livy_magic.widgets.panel_parts import Picked, Record, Section
from fabric_livy_magic.widgets.panel_sections import ASK_SERVER, SECTIONS, STATEMENTS


class Host(Protocol):
    """The notebook that the panel belongs to."""

    def run(self, line: str) -> Any:
        """A `%livy` line, or a cell of `%%livy_sql`; what it shows goes to where outputs go. Returns the records of a list."""

    def why_not_asked(self) -> str:
        """Why the server is asked for no lists; empty where it is."""

    def recent_targets(self) -> list[str]: ...
    def running_cells(self) -> list[str]:
        """How far they are, in words."""

    def interrupt_cell(self) -> None: ...


class Outputs:
    """In their order; one of them may be drawn anew."""

    def __init__(self, when_changed: Callable[[Outputs], object] = lambda outputs: None) -> None:
        self._bundles: list[Bundle] = []
        self._when_changed = when_changed

    def __call__(self, bundle: Bundle) -> Shown:
        self._bundles.append(bundle)
        self._when_changed(self)
        return _Output(self, len(self._bundles) - 1)

    def change(self, number: int, bundle: Bundle) -> None:
        self._bundles[number] = bundle
        self._when_changed(self)

    @property
    def html(self) -> str:
        # ipywidgets gives its HTML the height of a control in each line.
        return f'<div style="line-height:1.4">{"".join(map(_html, self._bundles))}</div>'

    @property
    def text(self) -> str:
        return "\n".join(str(bundle.get("text/plain", "")).rstrip("\n") for bundle in self._bundles)


class _Output:
    def __init__(self, outputs: Outputs, number: int) -> None:
        self._outputs, self._number = outputs, number

    def update(self, bundle: Bundle, *, raw: bool = True, metadata: Mapping[str, Any] | None = None) -> None:
        self._outputs.change(self._number, bundle)


def _html(bundle: Bundle) -> str:
    text = str(bundle.get("text/plain", ""))
    html = str(bundle.get("text/html") or f'<div style="white-space:pre-wrap">{escaped(text)}</div>')
    return f'<div style="margin-bottom:8px">{html}</div>'


def run_line(host: Host, line: str, outputs: Outputs) -> list[Record]:
    """The records of a list. What goes wrong is shown: nobody else would hear of it."""
    try:
        with shown_at(outputs):
            return list(host.run(line) or ())
    except (FabricLivyError, KeyboardInterrupt) as error:
        outputs({"text/plain": printable(str(error)) or "Interrupted."})
    except Exception as error:  # noqa: BLE001 - a fault of ours is shown, too
        outputs({"text/plain": printable(f"{type(error).__name__}: {error}")})
    return []


def fill(host: Host, section: Section, outputs: Outputs, picked: Picked | None = None) -> dict[str, list[Record]]:
    """Shows what the section's lines list, with what was `picked` in it; their records by line."""
    if section is STATEMENTS:
        for text in host.running_cells():
            outputs({"text/plain": f"The cell that runs: {text}"})
    records = {}
    why_not = host.why_not_asked()
    for line in section.lines_for(picked or {}):
        if why_not and line.startswith(ASK_SERVER):
            outputs({"text/plain": why_not})
        else:
            records[line] = run_line(host, line, outputs)
    return records


def text_overview(host: Host) -> str:
    """The same as text, for where no widget can be."""
    texts = []
    for section in SECTIONS:
        outputs = Outputs()
        fill(host, section, outputs)
        lines = " · ".join(f"`{line}`" for line in section.lines)
        texts.append(f"{section.title} ({lines})\n{outputs.text}\n")
    return "\n".join(texts)
