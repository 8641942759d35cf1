"""A cell that runs while the notebook goes on: its handle."""

from __future__ import annotations

import html
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import Interrupted, StatementCancelled, WaitTimeout
from fabric_livy_magic.livy.models import Progress, StatementState
from fabric_livy_magic.livy.waiting import INTERRUPT_CHECK_S, InterruptRequest, check_interrupted, run_in_background

if TYPE_CHECKING:
    from fabric_livy_magic.livy.statements import Listener
    from fabric_livy_magic.running.results import Result

_NUMBERS = itertools.count(1)
# A line that changes is drawn no earlier in its cell: VS Code forgets the display id of an output of the first tenths of a second
# of a cell that runs again, and its line would never change.
FIRST_SHOWN_S = 0.4
FIRST_LOOK_S, LAST_LOOK_S = 1.0, 10.0  # how often its line is drawn anew: seldom for one that takes long


class Background:
    """Runs `work` in a thread. Its text and HTML name no code and no data, so that they can be pasted anywhere."""

    def __init__(self, work: Callable[[Listener], Result], session: str, kind: str) -> None:
        self.number = next(_NUMBERS)
        self.session, self.kind = session, kind
        self._latest: Progress | None = None
        self._interrupt_request = InterruptRequest()
        self._began = time.monotonic()
        self._took_s: float | None = None
        self._may_run_on = False

        def run() -> Result:
            try:
                return work(self._hear)
            except Interrupted as stopped:  # by `cancel`
                self._may_run_on = stopped.may_run_on
                raise StatementCancelled(str(stopped)) from None
            except KeyboardInterrupt:
                raise StatementCancelled("It was cancelled before the session had it.") from None
            finally:
                self._took_s = time.monotonic() - self._began

        self._future, _ = run_in_background(run, f"background-{self.number}", self._interrupt_request)

    def _hear(self, progress: Progress) -> None:
        self._latest = progress

    # ------------------------------------------------------------------------------------------- for who submitted it
    @property
    def done(self) -> bool:
        return self._future.done()

    @property
    def error(self) -> BaseException | None:
        """What `result` raises; None for one that runs, or ended well."""
        return self._future.exception() if self.done else None

    @property
    def state(self) -> str:
        """In Livy's words: waiting, running, cancelling, then available, error or cancelled; it stays cancelling where the
        session did not confirm the cancel."""
        if self.done:
            return self._end.value
        if self._interrupt_request.was_made:
            return StatementState.CANCELLING.value
        if self._latest is None or self._latest.subject == "session":
            return StatementState.WAITING.value
        return self._latest.state if self._latest.subject == "statement" else StatementState.RUNNING.value

    @property
    def _end(self) -> StatementState:
        if self.error is None:
            return StatementState.AVAILABLE
        if not isinstance(self.error, StatementCancelled):
            return StatementState.ERROR
        # It may run on, also when nobody follows it any more.
        return StatementState.CANCELLING if self._may_run_on else StatementState.CANCELLED

    @property
    def progress(self) -> float:
        """From 0 to 1, as far as the server tells; 1 only for a result that is there."""
        if self.done:
            return 0.0 if self.error else 1.0
        return (self._latest and self._latest.fraction) or 0.0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began if self._took_s is None else self._took_s

    def result(self, timeout_s: float | None = None, on_progress: Listener | None = None) -> Result:
        """Waits for it. Raises what the cell raised, StatementCancelled after `cancel`, and WaitTimeout after `timeout_s`.
        The statement goes on then, as it does when the waiting is interrupted."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not self.done:
                if until is not None and time.monotonic() >= until:
                    raise WaitTimeout(
                        f"Background statement {self.number} has not ended after {timeout_s:g} s. It goes on running."
                    )
                check_interrupted()
                if on_progress and self._latest:
                    on_progress(self._latest)
                with suppress(TimeoutError):
                    self._future.exception(
                        INTERRUPT_CHECK_S
                        if until is None
                        else max(0.0, min(INTERRUPT_CHECK_S, until - time.monotonic()))
                    )
        except KeyboardInterrupt:
            raise Interrupted(
                f"Background statement {self.number} goes on running. `%livy wait {self.number}` waits for it again, "
                "its `.cancel()` ends it.",
                may_run_on=True,
            ) from None
        return self._future.result()

    def cancel(self) -> None:
        """Returns at once; `state` tells when it is cancelled. Of no effect on one that has ended."""
        if not self._interrupt_request.was_made:
            self._interrupt_request.make()

    def cancel_message(self, within_s: float) -> str:
        """What became of one that was cancelled, as far as it is known by then: its request may be on its way."""
        try:
            return str(self._future.exception(max(0.0, within_s)) or "It had ended already.")
        except TimeoutError:
            return "It was told to stop."

    # ------------------------------------------------------------------------------------------- as a person sees it
    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        failed = type(self.error).__name__ if self.error and self._end is StatementState.ERROR else ""
        words = [f"background statement {self.number} ({self.kind} on {self.session!r}): {self.state}", failed]
        words += [f"{self.elapsed_s:.0f} s", f"{self.progress:.0%}" if not self.done and self.progress else ""]
        return ", ".join(filter(None, words))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = str(self)
        hint = (
            f"`%livy wait {self.number}` shows the result, `.result()` gives it"
            if self.done
            else f"`%livy wait {self.number}` waits for it"
        )
        line = f"{text[0].upper()}{text[1:]}. {hint}."
        return {"text/plain": line, "text/html": f'<div style="font-size:12px;opacity:.75">{html.escape(line)}</div>'}

    def _ipython_display_(self) -> None:
        """A line that is kept up to date until it has ended."""
        from IPython import get_ipython
        from IPython.display import display

        is_drawn_anew = getattr(get_ipython(), "kernel", None) is not None  # a terminal cannot
        if is_drawn_anew:
            with suppress(TimeoutError):
                self._future.exception(FIRST_SHOWN_S)
        shown = display(self._repr_mimebundle_(), raw=True, display_id=(is_drawn_anew and not self.done) or None)
        if shown is None:
            return

        def keep() -> None:
            while not self.done:
                with suppress(TimeoutError):
                    self._future.exception(min(LAST_LOOK_S, max(FIRST_LOOK_S, 0.05 * self.elapsed_s)))
                shown.update(self._repr_mimebundle_(), raw=True)

        run_in_background(keep, f"line-{self.number}")
