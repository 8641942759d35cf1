"""Results and progress as a person sees them: MIME bundles, each with a text/plain twin, and lines of text.

Every string that comes from data or from a server is escaped where it goes into HTML.
"""

from __future__ import annotations

import datetime
import html
import itertools
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.running.results import Part, Printed, Shown, Table

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import DisplayHandle

    from fabric_livy_magic.sessions.doctor import Finding
    from fabric_livy_magic.sessions.session import Session
    from fabric_livy_magic.signin.entra.sign_in import DevicePrompt
    from fabric_livy_magic.signin.methods import Identity

Bundle = dict[str, Any]
ShowBundle = Callable[[Bundle, dict[str, Any]], None]
CELL_CHARACTERS = 200
_LINE_BREAK = re.compile(r"\r\n?|\n")
TEXT_WIDTH = 150  # of the text twin; the HTML table has all columns
FIRST_SHOWN_S = 0.4  # a statement that is quicker than this shows no progress: it would only flicker
# `.flm.flm` outweighs JupyterLab's own rule, which aligns all cells of a rendered table to the right.
STYLE = (
    "<style>.flm{border-collapse:collapse;font-size:12px}.flm.flm th,.flm.flm td{padding:3px 8px;text-align:left;"
    "white-space:pre-wrap;border-bottom:1px solid rgba(128,128,128,.25)}.flm.flm .n{text-align:right;"
    "font-variant-numeric:tabular-nums}.flm th span{display:block;font-weight:normal;opacity:.6}"
    ".flm i{opacity:.5}.flm-c{font-size:12px;opacity:.75;margin:4px 0}</style>"
)


# ------------------------------------------------------------------------------------------------------ results
def part_bundle(part: Part, rows_shown: int, elapsed_s: float | None = None) -> Bundle:
    """What to display for a part that is no printed text; empty where there is nothing to see.

    `elapsed_s` is what the cell took, told with its table.
    """
    if isinstance(part, Table):
        return _table_part(part, rows_shown, elapsed_s)
    assert isinstance(part, Shown)
    if table := part.data.get("application/vnd.livy.table.v1+json"):
        names = [str(header.get("name", "")) for header in table.get("headers", ())]
        types = [str(header.get("type", "")) for header in table.get("headers", ())]
        rows = table.get("data", [])
        caption = _caption(min(len(rows), rows_shown), len(rows), "", elapsed_s)
        return table_bundle(names, rows[:rows_shown], types, caption, TEXT_WIDTH)
    bundle = {kind: value for kind, value in part.data.items() if not kind.startswith("application/vnd.livy")}
    if not part.text:
        if "application/json" in bundle:
            bundle["text/plain"] = json.dumps(bundle["application/json"], indent=2, ensure_ascii=False)
        elif bundle:
            bundle["text/plain"] = f"<{next(iter(bundle))}>"
    return bundle


def _table_part(table: Table, rows_shown: int, elapsed_s: float | None) -> Bundle:
    if not table.fields and not table.rows:
        took = "" if elapsed_s is None else f" {elapsed_s:.1f} s"
        return _note(f"Done: this statement gives no rows.{took}")
    names = [name for name, _ in table.fields]
    rows = table.head(rows_shown)
    caption = _caption(len(rows) if names else min(rows_shown, table.rows), table.rows, table.more, elapsed_s)
    return table_bundle(names, rows, [kind for _, kind in table.fields], caption, TEXT_WIDTH)


def _caption(shown: int, total: int, more: str, elapsed_s: float | None) -> str:
    rows = f"{total:,} row{'' if total == 1 else 's'}"
    took = "" if elapsed_s is None else f"{elapsed_s:.1f} s"
    return " · ".join(filter(None, [rows if shown == total else f"{shown:,} of {rows} shown", took, more]))


def table_bundle(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    types: Sequence[str] = (),
    caption: str = "",
    width: int | None = None,
) -> Bundle:
    """A table as HTML and as text, which is cut at `width` characters. `types` stand below the names."""
    kinds = [*types, *[""] * (len(names) - len(types))]
    numeric = [
        kind.startswith(("byte", "short", "int", "long", "float", "double", "decimal", "BIGINT", "DOUBLE", "DECIMAL"))
        for kind in kinds
    ]
    head = "".join(
        f"<th{_numeric(number)}>{html.escape(name)}{f'<span>{html.escape(kind)}</span>' if kind else ''}</th>"
        for name, kind, number in zip(names, kinds, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_numeric(number)}>{_html_value(value)}</td>" for value, number in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    foot = f'<div class="flm-c">{html.escape(caption)}</div>' if caption else ""
    text = text_table(names, [[_text_value(value) for value in row] for row in rows], numeric, width)
    return {
        "text/html": f'{STYLE}<table class="flm"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}',
        "text/plain": f"{text}\n{caption}".rstrip(),
    }


def text_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = (), width: int | None = None
) -> str:
    """Aligned columns, as many as fit into `width` characters (but at least one), and how many were left out."""
    right = [*numeric, *[False] * (len(names) - len(numeric))]
    lines = [[_LINE_BREAK.sub("⏎", one) for one in row] for row in [list(names), *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    ends = itertools.accumulate(one + 2 for one in widths)
    fits = len(names) if width is None else max(1, sum(1 for end in ends if end - 2 <= width))

    def drawn(line: Sequence[str]) -> str:
        columns = zip(line[:fits], widths, right, strict=False)
        return "  ".join(one.rjust(size) if is_right else one.ljust(size) for one, size, is_right in columns).rstrip()

    left_out = len(names) - fits
    note = [f"… and {left_out} more column{'' if left_out == 1 else 's'}"] if left_out > 0 else []
    return "\n".join([drawn(lines[0]), "  ".join("─" * size for size in widths[:fits]), *map(drawn, lines[1:]), *note])


def _numeric(number: bool) -> str:
    return ' class="n"' if number else ""


def _is_null(value: Any) -> bool:
    if isinstance(value, str):
        return False
    return value is None or str(value) in {"<NA>", "NaT"} or (isinstance(value, float) and value != value)


def _text_value(value: Any) -> str:
    if _is_null(value):
        return "null"
    # pandas holds a Spark array as a numpy array, whose own text has no commas.
    text = str(value.tolist() if hasattr(value, "tolist") and hasattr(value, "__len__") else value)
    if isinstance(value, datetime.datetime):
        text = text.removesuffix("+00:00")  # as Spark shows it; sessions run in UTC
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def _html_value(value: Any) -> str:
    return "<i>null</i>" if _is_null(value) else html.escape(_text_value(value))


def _note(text: str) -> Bundle:
    return {"text/html": f'{STYLE}<div class="flm-c">{html.escape(text)}</div>', "text/plain": text}


# ----------------------------------------------------------------------------------------------------- progress
def progress_text(progress: Progress, where: str) -> str:
    elapsed = f"{progress.elapsed_s:.0f} s"
    if progress.subject == "session":
        return f"Starting a session on {where}: {progress.state.replace('_', ' ')} · {elapsed}"
    percent = f" · {progress.fraction:.0%}" if progress.fraction else ""
    detail = f" · {progress.detail}" if progress.detail else ""
    return f"{progress.state.capitalize()}: {elapsed}{percent}{detail}"


def session_line(session: Session, elapsed_s: float) -> str:
    return f"Session {session.name!r} is ready after {elapsed_s:.0f} s (id {session.id} on {session.target.text})"


def identity_lines(identity: Identity) -> list[str]:
    lines = [f"Signed in as {identity.who}" + (f" (tenant {identity.tenant})" if identity.tenant else "")]
    if identity.expires_at:
        until = datetime.datetime.fromtimestamp(identity.expires_at).astimezone()
        lines.append(f"The token lasts until {until:%H:%M:%S} and is renewed by itself where the sign-in allows it.")
    if identity.scopes:
        lines.append(f"It may: {', '.join(identity.scopes)}")
    return lines


def show_device_prompt(prompt: DevicePrompt) -> None:
    """The code to type and where, as text to copy and as a link."""
    url, code = html.escape(prompt.url, quote=True), html.escape(prompt.user_code)
    text = f"To sign in, open {prompt.url} in any browser and enter the code {prompt.user_code}"
    link = f'To sign in, open <a href="{url}" target="_blank" rel="noopener">{url}</a> in any browser and enter the code <code>{code}</code>'
    show({"text/html": f'{STYLE}<div class="flm-c">{link}</div>', "text/plain": text})


def findings_bundle(findings: Sequence[Finding]) -> Bundle:
    rows = [[finding.verdict, finding.what, finding.detail, finding.advice] for finding in findings]
    return table_bundle(["", "check", "found", "what to do"], rows, width=400)


EXIT_METADATA = "fabric_livy_exit_value"  # by which whoever runs a notebook knows that it has ended


def exit_bundle(value: str) -> tuple[Bundle, dict[str, Any]]:
    """What `notebook.exit` shows: data and metadata."""
    return _note(f"ExitValue: {value}"), {EXIT_METADATA: value}


class ProgressLine:
    """A listener that keeps one line up to date and is gone when `show` puts the result in its place.

    In a notebook the line is a display with an id, no widget. In a terminal it is overwritten. In `plain` mode, for
    headless runs, it draws nothing.
    """

    def __init__(
        self, mode: str, where: str, terminal: TextIO | None = None, show_value: ShowBundle | None = None
    ) -> None:
        """`show_value` shows a cell's value, where that is another message than a display."""
        self._mode = mode
        self._show_value = show_value
        self._where = where
        self._terminal = terminal
        self._handle: DisplayHandle | None = None
        self._drawn = ""

    def __call__(self, progress: Progress) -> None:
        if self._mode != "line" or (progress.subject == "statement" and progress.elapsed_s < FIRST_SHOWN_S):
            return
        text = progress_text(progress, self._where)
        if text != self._drawn:
            self._draw(text)
            self._drawn = text

    def note(self, text: str) -> None:
        """A line that stays: the start or the end of something. It takes the place of the progress line."""
        if self._mode != "off":
            self.show(_note(text) if self._handle is not None else {"text/plain": text})

    def show(self, bundle: Bundle, metadata: Mapping[str, Any] | None = None, *, is_value: bool = False) -> None:
        """The result, in the place of the line. Plain text without a line to replace is printed, as local code would."""
        if not bundle:
            self.erase()
        elif self._handle is not None:
            self._handle.update(bundle, raw=True, metadata=dict(metadata or {}))
            self._handle, self._drawn = None, ""
        elif is_value and self._show_value is not None:
            self._show_value(bundle, dict(metadata or {}))
        else:
            self.erase()
            show(bundle, metadata)

    def erase(self) -> None:
        if self._drawn and self._terminal is not None:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
        if self._handle is not None:
            self._handle.update({"text/html": "", "text/plain": ""}, raw=True)
            self._handle = None
        self._drawn = ""

    def _draw(self, text: str) -> None:
        if self._terminal is not None:
            self._terminal.write(f"\r\x1b[K{text}")
            self._terminal.flush()
            return
        from IPython.display import display

        bundle = _note(text)
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def show_parts(progress: ProgressLine, parts: Sequence[Part], rows_shown: int, elapsed_s: float | None = None) -> None:
    """All that a cell gave, in its order. The time that it took stands below its last table."""
    tables = [part for part in parts if isinstance(part, Table)]
    values = [part for part in parts if not isinstance(part, Printed) and part.is_value]
    for part in parts:
        if isinstance(part, Printed):
            progress.erase()
            print_text(part)
        else:
            took = elapsed_s if (tables and part is tables[-1]) or isinstance(part, Shown) else None
            is_value = (
                bool(values) and part is values[-1]
            )  # a cell has one result, also where it has several statements
            progress.show(part_bundle(part, rows_shown, took), getattr(part, "metadata", None), is_value=is_value)


def print_text(part: Printed) -> None:
    print(part.text, end="", file=sys.stderr if part.stream == "stderr" else sys.stdout, flush=True)


def print_parts(parts: Sequence[Part], rows_shown: int, elapsed_s: float | None = None) -> None:
    """For a terminal: the text of each part."""
    for part in parts:
        if isinstance(part, Printed):
            print_text(part)
        else:
            print(part_bundle(part, rows_shown, elapsed_s).get("text/plain", ""), flush=True)


def show(bundle: Bundle, metadata: Mapping[str, Any] | None = None) -> None:
    if set(bundle) == {"text/plain"}:
        text = bundle["text/plain"]
        print(text, end="" if text.endswith("\n") else "\n", flush=True)
        return
    from IPython.display import display

    display(bundle, raw=True, metadata=dict(metadata or {}))


def progress_line(setting: str, shell: InteractiveShell | None, where: str) -> ProgressLine:
    """The listener for one cell. `auto`: a line where a person looks on, plain where the notebook runs headless.

    A front end with a person allows input (`allow_stdin`); nbclient, papermill and nbconvert do not.
    """
    kernel = getattr(shell, "kernel", None)
    terminal = sys.stderr if kernel is None else None
    show_value = getattr(shell, "show_value", None)
    if setting != "auto":
        return ProgressLine(setting, where, terminal, show_value)
    if kernel is None:
        return ProgressLine("line" if sys.stderr.isatty() else "plain", where, terminal)
    request = kernel.get_parent("shell") or {}
    mode = "line" if request.get("content", {}).get("allow_stdin") else "plain"
    return ProgressLine(mode, where, None, show_value)
