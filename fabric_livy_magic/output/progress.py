"""The progress line of a cell, and lines about sessions."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TextIO

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.output.bundles import Bundle, note_bundle, show
from fabric_livy_magic.printable import printable
from fabric_livy_magic.running.background import FIRST_SHOWN_S

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import DisplayHandle

    from fabric_livy_magic.sessions.session import Session

ShowBundle = Callable[[Bundle, dict[str, Any]], None]
FROM_STATEMENT_S = 1.0  # a quicker one has its result and no line
MOST_FRACTION = 0.99  # of what still runs: a server counts the tasks of the jobs so far, and more jobs may follow
STARTING = "Starting a session"


def progress_text(progress: Progress, starting: str = STARTING) -> str:
    """`starting` is what a line about a session's start begins with."""
    elapsed = f"{progress.elapsed_s:.0f} s"
    if progress.subject == "session":
        return f"{starting}: {progress.state.replace('_', ' ')} · {elapsed}"
    percent = f" · {min(progress.fraction, MOST_FRACTION):.0%}" if progress.fraction else ""
    detail = f" · {progress.detail}" if progress.detail else ""
    return f"{progress.state.capitalize()}: {elapsed}{percent}{detail}"


def session_line(session: Session, elapsed_s: float) -> str:
    return f"Session {session.name!r} is ready after {elapsed_s:.0f} s (id {session.id} on {session.target.short_text})"


class ProgressLine:
    """A listener that keeps one line up to date, to be used in a `with`, whose end ends the line.

    In a notebook the line is a display with an id, no widget. The result takes its place; where that is printed text, or nothing,
    the line stays and says how long the cell took: an output cannot be taken away again, and an empty one is a gap that is saved
    with the notebook. In a terminal the line is overwritten. In `plain` mode, for headless runs, nothing is drawn.
    """

    def __init__(
        self,
        mode: str,
        terminal: TextIO | None = None,
        show_value: ShowBundle | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`show_value` shows a cell's value, where that is another message than a display."""
        self._mode = mode
        self._show_value = show_value
        self._terminal = terminal
        self._clock = clock
        self._made_at = clock()
        self._began_at = self._made_at  # what the line is about
        self._subject = ""
        self._starting = STARTING
        self._handle: DisplayHandle | None = None
        self._drawn = ""

    def __call__(self, progress: Progress) -> None:
        if self._mode != "line" or self._clock() - self._made_at < FIRST_SHOWN_S:
            return
        if progress.subject != "session" and progress.elapsed_s < FROM_STATEMENT_S and not self._drawn:
            return
        if not self._drawn:
            self._began_at = self._clock() - progress.elapsed_s
        self._subject = progress.subject
        text = printable(progress_text(progress, self._starting))
        if text != self._drawn:
            self._draw(text)
            self._drawn = text

    def session_starts(self, what: str) -> None:
        """`what` begins the line about the start, or is a line of its own where none is drawn."""
        self._starting = what
        if self._mode == "plain":
            self.note(f"{what} …")

    def note(self, text: str) -> None:
        """A line that stays: the end of something. It takes the place of the progress line."""
        if self._mode != "off":
            self.show(note_bundle(text) if self._handle is not None else {"text/plain": printable(text)})

    def show(self, bundle: Bundle, metadata: Mapping[str, Any] | None = None, *, is_value: bool = False) -> None:
        """The result, in the place of the line. Plain text without a line to replace is printed, as local code would."""
        if not bundle:
            return
        if self._handle is not None:
            self._update(bundle, metadata)
        elif is_value and self._show_value is not None:
            self._show_value(bundle, dict(metadata or {}))
        else:
            self.make_room()
            show(bundle, metadata)

    def make_room(self) -> None:
        """Before text is printed: the line of a terminal is wiped. One of a notebook has a place of its own."""
        if self._drawn and self._terminal is not None:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
            self._drawn = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.make_room()
        if self._handle is not None:
            self._update(note_bundle(self._last_words(kind)))

    def _last_words(self, kind: type[BaseException] | None) -> str:
        after = f"{self._clock() - self._began_at:.0f} s"
        what = "" if self._subject != "session" else f"{self._starting}: "
        if kind is None:
            return f"{what}done in {after}" if what else f"Ran for {after}"
        how = "failed" if issubclass(kind, Exception) else "interrupted"
        return f"{what}{how if what else how.capitalize()} after {after}"

    def _update(self, bundle: Bundle, metadata: Mapping[str, Any] | None = None) -> None:
        """The last thing that takes the place of the line."""
        assert self._handle is not None
        self._handle.update(bundle, raw=True, metadata=dict(metadata or {}))
        self._handle, self._drawn = None, ""

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


def progress_line(setting: str, shell: InteractiveShell | None) -> ProgressLine:
    """The listener for one cell. `auto`: a line where a person looks on, plain where the notebook runs headless.

    A front end with a person allows input (`allow_stdin`); nbclient, papermill and nbconvert do not.
    """
    kernel = getattr(shell, "kernel", None)
    terminal = sys.stderr if kernel is None else None
    show_value = getattr(shell, "show_value", None)
    if setting != "auto":
        return ProgressLine(setting, terminal, show_value)
    if kernel is None:
        return ProgressLine("line" if sys.stderr.isatty() else "plain", terminal)
    request = kernel.get_parent("shell") or {}
    mode = "line" if request.get("content", {}).get("allow_stdin") else "plain"
    return ProgressLine(mode, None, show_value)
