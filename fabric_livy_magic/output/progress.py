"""The progress line of a cell, and lines about sessions."""

from __future__ import annotations

import _thread
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

from fabric_livy_magic.livy.job_watch import JobWatch
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.spark_jobs import SparkWork
from fabric_livy_magic.livy.waiting import interrupt_request_of_thread
from fabric_livy_magic.output.bundles import (
    Bundle,
    Shown,
    clear_all_but,
    has_other_place,
    note_bundle,
    show,
    show_updatable,
)
from fabric_livy_magic.output.progress_view import (
    STARTING,
    WITH_STATES,
    end_bundle,
    end_text,
    one_line,
    progress_bundle,
    progress_text,
)
from fabric_livy_magic.printable import printable
from fabric_livy_magic.running.background import FIRST_SHOWN_S

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fabric_livy_magic.sessions.session import Session

ShowBundle = Callable[[Bundle, dict[str, Any]], None]
FROM_STATEMENT_S = 1.0  # a quicker one has its result and no line
DRAWN_EVERY_S = 0.25
BUTTON_FROM_S = 1.5
PLAIN_LINE_EVERY_S = 30.0
PLAIN_LOOKS_S = (PLAIN_LINE_EVERY_S - 3, PLAIN_LINE_EVERY_S)  # the first, and the pause between two


def session_line(session: Session, elapsed_s: float) -> str:
    return f"Session {session.name!r} is ready after {elapsed_s:.0f} s (id {session.id} on {session.target.short_text})"


class LineWithButton(Protocol):
    """`draw` gives False where the front end does not show it."""

    @property
    def bundle(self) -> Bundle: ...
    def draw(self, progress: Bundle) -> bool: ...
    def close(self) -> None: ...


MakeButton = Callable[[Bundle], LineWithButton | None]


class ProgressLine:
    """A listener that keeps one line up to date, to be used in a `with`, whose end ends the line.

    In a notebook the line is a display with an id, no widget. It ends as what Spark did for the cell, where the server tells that,
    above the result. Without that the result takes its place; where that is printed text, or nothing, the line stays and says how
    long the cell took: an output cannot be taken away again, and an empty one is a gap that is saved with the notebook. In a
    terminal the line is overwritten. In `plain` mode, for headless runs, a long wait prints a line every half a minute.
    """

    def __init__(
        self,
        mode: str,
        terminal: TextIO | None = None,
        show_value: ShowBundle | None = None,
        clock: Callable[[], float] = time.monotonic,
        watch: JobWatch | None = None,
        make_button: MakeButton | None = None,
    ) -> None:
        """`show_value` shows a cell's value, where that is another message than a display. `make_button` gives what stands in the
        line's place with a button beside it; None where there is none yet."""
        self._mode = mode
        self._make_button = make_button
        self._with_button: LineWithButton | None = None
        self._show_value = show_value
        self._terminal = terminal
        self._clock = clock
        self._watch = watch or (JobWatch(*PLAIN_LOOKS_S) if mode == "plain" else JobWatch())
        self._made_at = clock()
        self._began_at = self._made_at  # what the line is about
        self._subject = ""
        self._starting, self._usual = STARTING, ""
        self._handle: Shown | None = None
        self._drawn: Bundle | None = None
        self._drawn_at = self._made_at
        self._has_said = False  # in plain mode
        self._is_followed = False  # by an output of the cell
        self._keeps_place = False
        self._drawing = threading.Lock()
        self._kept: _KeptLine | None = None
        self._interrupt_request = interrupt_request_of_thread()
        self.is_open = True
        """Until the end of its `with`."""
        self._latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self._latest = progress
        if self._mode == "off":
            return
        self._watch.hear(progress)
        if self._mode == "plain":
            self._say(progress)
            return
        now = self._clock()
        if now - self._made_at < FIRST_SHOWN_S:
            return
        if self._drawn is None:
            if progress.subject not in WITH_STATES and progress.elapsed_s < FROM_STATEMENT_S:
                return
        elif now - self._drawn_at < DRAWN_EVERY_S:
            return
        self._show_now(progress, now)

    def _show_now(self, progress: Progress, now: float) -> None:
        with self._drawing:
            if self._drawn is None:
                self._began_at = now - progress.elapsed_s
            self._subject = progress.subject
            bundle = progress_bundle(progress, self._starting, self._usual, self._watch.work)
            if bundle != self._drawn:
                self._draw(bundle)
                self._drawn, self._drawn_at = bundle, now

    @property
    def text(self) -> str:
        """How far it is, also where it is not drawn; empty before anything is known."""
        if self._latest is None:
            return ""
        return one_line(progress_text(self._latest, self._starting, self._usual, self._watch.work))

    def begins(self, what: str, usual: str = "", *, is_told: bool = True) -> None:
        """`what` begins the line about a session's start, or a batch, or is a line of its own where none is drawn and it `is_told`.
        `usual`: how long it usually takes."""
        self._starting, self._usual = what, usual
        if self._mode == "plain" and is_told:
            self.note(f"{what}{f' ({usual})' if usual else ''} …")

    def note(self, text: str) -> None:
        """A line that stays: the end of something. It takes the place of the progress line."""
        if self._mode != "off":
            self._replace_or_show(note_bundle(text) if self._handle is not None else {"text/plain": printable(text)})

    def show(
        self,
        bundle: Bundle,
        metadata: Mapping[str, Any] | None = None,
        *,
        is_value: bool = False,
        display_id: str = "",
    ) -> None:
        """The result. Plain text without a line to replace is printed, as local code would. One with a display id of its own
        takes the place of no line."""
        if not bundle:
            return
        self._keep_line()
        if display_id:
            self.make_room()
            show(bundle, metadata, display_id)
        else:
            self._replace_or_show(bundle, metadata, is_value=is_value)

    @property
    def has_person(self) -> bool:
        """Whether somebody looks on in a notebook."""
        return self._mode == "line" and self._terminal is None and not has_other_place()

    def keep_place(self) -> None:
        """Outputs come while it goes on, from another thread: none takes its place, which is above them."""
        self._keeps_place = True
        if self._drawn is None and self._latest is not None:
            self._show_now(self._latest, self._clock())

    def clear(self, *, is_followed: bool) -> None:
        """The outputs of the cell go, this line stays. `is_followed`: something else is shown at once."""
        with self._drawing:
            line = self._with_button.bundle if self._with_button else self._drawn
            clear_all_but(self._handle if line else None, line or {}, is_followed=is_followed)

    def update(self, bundle: Bundle, metadata: Mapping[str, Any] | None, display_id: str) -> None:
        """What another cell has displayed."""
        show(bundle, metadata, display_id, update=True)

    def _replace_or_show(
        self, bundle: Bundle, metadata: Mapping[str, Any] | None = None, *, is_value: bool = False
    ) -> None:
        if self._handle is not None and not (self._is_followed or self._keeps_place):
            self._update(bundle, metadata)
        elif is_value and self._show_value is not None:
            self._show_value(bundle, dict(metadata or {}))
        else:
            self.make_room()
            show(bundle, metadata)

    def make_room(self) -> None:
        """Before text is printed: the line of a terminal is wiped. One of a notebook has a place of its own, and what comes
        later does not take it."""
        self._is_followed = True
        if self._drawn is not None and self._terminal is not None:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
            self._drawn = None

    def interrupt(self) -> None:
        """From another thread: what the front end's interrupt does to the cell."""
        if self._interrupt_request is not None:
            self._interrupt_request.interrupt_cell()
        else:
            _thread.interrupt_main()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.is_open = False
        self.make_room()
        how = "" if kind is None else "Failed after" if issubclass(kind, Exception) else "Interrupted after"
        self._keep_line(how)
        if self._handle is not None:
            self._update(note_bundle(self._last_words(how)))
        elif (self._terminal is not None and self._watch.work.jobs and self._mode == "line") or self._has_said:
            self._print(end_text(self._clock() - self._began_at, self._watch.work, how))

    def _last_words(self, how: str) -> str:
        after = f"{self._clock() - self._began_at:.0f} s"
        if self._subject in WITH_STATES:
            return f"{self._starting}: {how.lower() or 'done in'} {after}"
        return f"{how or 'Ran for'} {after}"

    def _keep_line(self, how: str = "") -> None:
        """The line stays, above what comes: it says what Spark did. What the server says of that after the end comes later."""
        if self._kept is not None:
            self._kept.ends(how)
        elif self._handle is not None and self._subject not in WITH_STATES and self._has_spark_work:
            self._kept = _KeptLine(self._handle, self._clock() - self._began_at, self._watch.work)
            self._kept.ends(how)
            self._handle = self._drawn = None
            self._take_button_away()
            self._watch.finish(self._kept.learns)

    @property
    def _has_spark_work(self) -> bool:
        return bool(self._watch.work.jobs) or self._watch.is_postponed

    def _say(self, progress: Progress) -> None:
        """In plain mode, at most every half a minute."""
        now = self._clock()
        if not self._has_said:
            self._began_at = now - progress.elapsed_s
        if now - self._drawn_at >= PLAIN_LINE_EVERY_S:
            self._drawn_at = now
            self._has_said = self._has_said or progress.subject not in WITH_STATES  # the end of a start is a note
            self._print(progress_text(progress, self._starting, self._usual, self._watch.work))

    def _print(self, text: str) -> None:
        """A line that stays. What a program prints to its output may go into a file or a pipe."""
        print(one_line(text), file=self._terminal, flush=True)

    def _update(self, bundle: Bundle, metadata: Mapping[str, Any] | None = None) -> None:
        """The last thing that takes the place of the line."""
        assert self._handle is not None
        self._handle.update(bundle, raw=True, metadata=dict(metadata or {}))
        self._handle = self._drawn = None
        self._take_button_away()

    def _draw(self, bundle: Bundle) -> None:
        if self._terminal is not None:
            # A line that is wrapped could not be overwritten.
            width = shutil.get_terminal_size().columns - 1
            text = bundle["text/plain"]
            self._terminal.write(f"\r\x1b[K{text if len(text) <= width else text[: width - 1] + '…'}")
            self._terminal.flush()
            return
        if self._handle is None:
            self._handle, self._is_followed = show_updatable(bundle), False
            return
        if self._with_button is not None:
            if self._with_button.draw(bundle):
                return
            self._handle.update(bundle, raw=True)
            self._take_button_away()
        if self._make_button is not None and self._clock() - self._began_at >= BUTTON_FROM_S:
            self._with_button = self._make_button(bundle)
        self._handle.update(self._with_button.bundle if self._with_button else bundle, raw=True)

    def _take_button_away(self) -> None:
        """After its output shows something else."""
        if self._with_button is not None:
            self._with_button.close()
            self._with_button = None


class _KeptLine:
    """The line of a cell that has ended. Two threads may have news of it."""

    def __init__(self, handle: Shown, elapsed_s: float, work: SparkWork) -> None:
        self._handle, self._elapsed_s, self._work = handle, elapsed_s, work
        self._how: str | None = None
        self._lock = threading.Lock()

    def ends(self, how: str) -> None:
        with self._lock:
            if how != self._how and not (self._how and not how):
                self._how = how
                self._draw()

    def learns(self, work: SparkWork) -> None:
        with self._lock:
            self._work = work
            self._draw()

    def _draw(self) -> None:
        self._handle.update(end_bundle(self._elapsed_s, self._work, self._how or ""), raw=True)


def has_person(shell: InteractiveShell | None) -> bool:
    """Whether the running cell comes from a front end with a person: those allow input (`allow_stdin`); nbclient, papermill and
    nbconvert do not, and a terminal has no kernel."""
    kernel = getattr(shell, "kernel", None)
    request = (kernel.get_parent("shell") if kernel is not None else None) or {}
    return bool(request.get("content", {}).get("allow_stdin"))


def progress_line(
    setting: str, shell: InteractiveShell | None, button: Callable[[], MakeButton | None] = lambda: None
) -> ProgressLine:
    """The listener for one cell. `auto`: a line where a person looks on, plain where the notebook runs headless.

    `button`: see `ProgressLine`, for a person alone.
    """
    if has_other_place():
        return ProgressLine("line")
    kernel = getattr(shell, "kernel", None)
    terminal = sys.stderr if kernel is None else None
    show_value = getattr(shell, "show_value", None)
    is_watched = has_person(shell)
    if setting != "auto":
        return ProgressLine(setting, terminal, show_value, make_button=button() if is_watched else None)
    if kernel is None:
        return ProgressLine("line" if sys.stderr.isatty() else "plain", terminal)
    mode, make_button = ("line", button()) if is_watched else ("plain", None)
    return ProgressLine(mode, None, show_value, make_button=make_button)
