"""The progress line of a cell, and lines about sessions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.output.bundles import Bundle, note_bundle, show

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import DisplayHandle

    from fabric_livy_magic.sessions.session import Session

ShowBundle = Callable[[Bundle, dict[str, Any]], None]
FIRST_SHOWN_S = 0.4  # a statement that is quicker than this shows no progress: it would only flicker


def progress_text(progress: Progress, where: str) -> str:
    elapsed = f"{progress.elapsed_s:.0f} s"
    if progress.subject == "session":
        return f"Starting a session on {where}: {progress.state.replace('_', ' ')} · {elapsed}"
    percent = f" · {progress.fraction:.0%}" if progress.fraction else ""
    detail = f" · {progress.detail}" if progress.detail else ""
    return f"{progress.state.capitalize()}: {elapsed}{percent}{detail}"


def session_line(session: Session, elapsed_s: float) -> str:
    return f"Session {session.name!r} is ready after {elapsed_s:.0f} s (id {session.id} on {session.target.text})"


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
            self.show(note_bundle(text) if self._handle is not None else {"text/plain": text})

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

        bundle = note_bundle(text)
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


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
