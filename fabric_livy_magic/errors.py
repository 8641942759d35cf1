"""All errors that a user can get.

    FabricLivyError
    ├── SettingsError           a wrong option, name, value or target
    ├── SignInError             no token, or one that may not be sent there
    │   └── NotSignedIn         nobody has signed in yet
    ├── LocalFabricError        the embedded Fabric could not be started
    ├── HttpError               the server refused a request, or could not be reached
    │   ├── ConnectionFailed    nothing answered, or the connection broke
    │   ├── NotLivyError        something answered that is not a Livy server (HTML, broken JSON)
    │   │   └── TakenWithoutId  it took the request, and does not say what it made of it
    │   ├── AnswerTooLarge      an answer with more bytes, pages or nesting than is read
    │   ├── NotFoundError       404
    │   ├── AccessError         401, 403
    │   ├── ThrottledError      429: too many calls of this identity
    │   └── CapacityError       430: the Spark capacity is full
    ├── SessionError
    │   ├── SessionStartError   it ended before it was ready
    │   └── SessionLostError    it was there and is gone
    ├── MonitoringError         the monitoring of Spark has no answer; sessions and cells are not affected
    ├── BatchFailed             a batch ended without success: it failed, or was cancelled
    ├── StatementError          the user's code failed remotely
    ├── OutcomeUnknown          it cannot be known whether a statement ran
    ├── StatementCancelled      somebody cancelled the statement
    ├── WaitTimeout             gave up waiting; the remote side may go on
    ├── FrameError              a result that is no table, or a frame that cannot travel
    ├── NotebookError           a file that is no notebook, or one that cannot be read or written
    │   └── NotebookFailed      a cell failed of a notebook that a test ran
    └── NoAgent                 the session cannot run the agent: no Python, or no PyArrow

    Interrupted                 a KeyboardInterrupt that says what became of the remote side

Each message says what happened and what can be done. `_render_traceback_` is IPython's own hook: in a notebook the
cell fails with the short text instead of a traceback of our internals.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from fabric_livy_magic.printable import NO_COLOUR, printable
from fabric_livy_magic.remote_errors import cause_of, is_jvm_frame, report_lines, without_plan

T = TypeVar("T")


class FabricLivyError(Exception):
    """Base of all errors of this package. `str(error)` is the text for a person, `args` what it was made of."""

    def __str__(self) -> str:
        return printable(super().__str__())

    def _render_traceback_(self) -> list[str]:
        return _drawn(f"{type(self).__name__}: {self}", type(self).__name__)


def without_calls(call: Callable[[], T]) -> T:
    """What `call` gives. Its error, or the interrupt of it, comes without cause, context and the frames of its calls: where
    these hold secrets, whoever gets the error would have them."""
    failure: BaseException
    try:
        return call()
    except (FabricLivyError, KeyboardInterrupt) as error:
        failure = error
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    raise failure


class SettingsError(FabricLivyError):
    pass


class SignInError(FabricLivyError):
    pass


class NotSignedIn(SignInError):  # noqa: N818 - a state, named as one
    """There is no sign-in of any kind yet."""


class LocalFabricError(FabricLivyError):
    pass


class HttpError(FabricLivyError):
    """`status` is None where no answer came; `code` and `request_id` are the server's own, if it named them.
    `retry_after_s` is its `Retry-After` in seconds, if it sent one."""

    retry_after_s: float | None = None

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id

    def and_also(self, more: str) -> Self:
        """The same error with a further sentence."""
        other = copy.copy(self)
        other.args = (f"{self} {more}",)
        return other


class ConnectionFailed(HttpError):  # noqa: N818 - reads as what happened, like StatementCancelled
    """`maybe_sent` is False only where the server cannot have seen the request (nothing listened, no such name).
    `may_pass` is False where a retry cannot help (a certificate that is not trusted), `is_timeout` True where the server took the
    request and did not answer."""

    def __init__(
        self, message: str, *, maybe_sent: bool = True, may_pass: bool = True, is_timeout: bool = False
    ) -> None:
        super().__init__(message)
        self.is_timeout = is_timeout
        self.maybe_sent = maybe_sent
        self.may_pass = may_pass


class NotLivyError(HttpError):
    pass


class TakenWithoutId(NotLivyError):  # noqa: N818 - what happened
    """A success without a body, or without an id in it: what was asked for exists, so it must not be asked for again."""


class AnswerTooLarge(HttpError):  # noqa: N818 - what happened
    """Asking again gives the same: print, collect or list less."""


class NotFoundError(HttpError):
    pass


class AccessError(HttpError):
    pass


class ThrottledError(HttpError):
    pass


class CapacityError(HttpError):
    pass


class SessionError(FabricLivyError):
    pass


class SessionStartError(SessionError):
    pass


class SessionLostError(SessionError):
    pass


class StatementError(FabricLivyError):
    """The remote code raised; `str(error)` is the cause. `ename` and `evalue` are the server's own words, `printed` is the code's output
    before that, where the server has it, and `parts` all parts of its result (see `running.results`).

    `users_traceback` leaves out the frames of libraries, and ends above the error's own name and message; None without the agent. `suggestion` is a name that may have been meant. `sql` is the text that the
    error's position is about, which begins at the line and column `sql_begins` of the cell. `within` says in which other notebook.
    """

    sql_begins: tuple[int, int] = (1, 0)
    within: str = ""

    def __init__(
        self,
        ename: str,
        evalue: str,
        traceback: Sequence[str] = (),
        printed: str = "",
        users_traceback: str | None = None,
        parts: Sequence[Any] = (),
        *,
        suggestion: str = "",
        sql: str = "",
    ) -> None:
        cause = cause_of(ename, evalue)
        super().__init__("\n".join(without_plan(cause.headline.split("\n"))))
        self.ename = ename
        self.evalue = evalue
        self.message = without_jvm_frames(evalue.strip())  # Spark's SQL messages begin with a line break
        self.traceback = list(traceback)
        self.printed = printed
        self.users_traceback = users_traceback
        self.parts = tuple(parts)
        self.suggestion = suggestion
        self.sql = sql

    def __reduce__(self) -> tuple[type, tuple[str, str, list[str], str, str | None], dict[str, Any]]:
        told = {name: getattr(self, name) for name in ("suggestion", "sql", "sql_begins", "within")}
        return type(self), (self.ename, self.evalue, self.traceback, self.printed, self.users_traceback), told

    def _render_traceback_(self) -> list[str]:
        return _drawn(short_remote_error(self), self.ename)


class MonitoringError(FabricLivyError):
    """`status` is that of the answer; None where none came."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BatchFailed(FabricLivyError):  # noqa: N818 - what happened
    """The text has the server's reason and the end of the log."""


class OutcomeUnknown(FabricLivyError):  # noqa: N818 - names what is known
    """A statement was sent, and its outcome cannot be read from the server. Look at what it should have done."""


class StatementCancelled(FabricLivyError):  # noqa: N818 - a cancel is no error of anybody
    pass


class WaitTimeout(FabricLivyError):  # noqa: N818 - named like TimeoutError's own kind
    pass


class FrameError(FabricLivyError):
    pass


class NotebookError(FabricLivyError):
    pass


class NotebookFailed(NotebookError):  # noqa: N818 - says what happened
    """A cell of a notebook that a test ran has failed. `result` is what there is of the run, as of one that passed."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class NoAgent(FabricLivyError):  # noqa: N818 - says what is missing
    """The text says why."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a wait. It stays a KeyboardInterrupt, so that it gets through every `except Exception`.
    `may_run_on`: the wait was for a statement, and it is not known that the session has stopped it."""

    def __init__(self, message: str, *, may_run_on: bool = False) -> None:
        super().__init__(message)
        self.may_run_on = may_run_on

    def __str__(self) -> str:
        return printable(super().__str__())

    def _render_traceback_(self) -> list[str]:
        return _drawn(f"KeyboardInterrupt: {self}", "KeyboardInterrupt")


def _drawn(text: str, name: str) -> list[str]:
    """For the IPython shell that runs here. Front ends such as VS Code do not wrap a traceback, as a terminal does, and draw one
    without colours like any output."""
    lines = text.split("\n")
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        lines = [part for line, below in zip(lines, [*lines[1:], ""], strict=True) for part in _wrapped(line, below)]
    has_colours = shell is not None and str(shell.colors).lower() != "nocolor"
    return [_painted(line, name) for line in lines] if has_colours else lines


def drawn_error(error: StatementError, *, has_colours: bool) -> list[str]:
    """The lines of a remote error for a terminal, which wraps them itself."""
    lines = short_remote_error(error).split("\n")
    return [_painted(line, error.ename) for line in lines] if has_colours else lines


WRAPPED_AT = 100  # characters: what an editor beside a side bar shows on a laptop
_WORD = re.compile(r"[^\s`]*`[^`]*`[^\s`]*\s*|\S+\s*|\s+")


def _wrapped(line: str, below: str) -> list[str]:
    """Between words, and not within a command, which somebody may copy. A blank stays at the end of its line, so that all of it
    can be put together again. A line with carets below it stays, or they would point elsewhere."""
    if len(line) <= WRAPPED_AT or _has_carets_only(below):
        return [line]
    lines = [""]
    for word in _WORD.findall(line):
        if lines[-1].strip() and len(lines[-1]) + len(word.rstrip()) > WRAPPED_AT:
            lines.append("")
        lines[-1] += word
    return lines


def _has_carets_only(line: str) -> bool:
    return "^" in line and not line.strip("^~- \t")


_CLASS = re.compile(r"\[[A-Z][A-Z0-9_.]*\]")
_RED, _GREEN = "\x1b[31m", "\x1b[32m"


def _painted(line: str, name: str) -> str:
    """A line of an error in the colours that IPython has for its own; `name` is the error's."""
    if name and line.startswith(name) and line[len(name) : len(name) + 1] in {"", ":"}:
        red = len(name)
        if spark_class := _CLASS.match(line, red + 2):
            red = spark_class.end()
    elif spark_class := _CLASS.match(line):
        red = spark_class.end()
    elif line.lstrip().startswith('File "'):
        return f"{_GREEN}{line}{NO_COLOUR}"
    else:
        red = len(line) if _has_carets_only(line) else 0
    return f"{_RED}{line[:red]}{NO_COLOUR}{line[red:]}" if red else line


NOT_CONFIRMED = "The server has not answered yet. What this cell asked of it is cancelled as soon as it does; `%livy status` shows the session."


def short_remote_error(error: StatementError) -> str:
    """The remote error as a few lines, all printable: the cause first, then its place, then the user's own frames."""
    return "\n".join(
        report_lines(
            printable(error.ename),
            printable(error.evalue),
            [printable(line) for line in error.traceback],
            None if error.users_traceback is None else printable(error.users_traceback),
            suggestion=printable(error.suggestion),
            sql=printable(error.sql),
            sql_begins=error.sql_begins,
            within=printable(error.within),
        )
    )


def whole_remote_error(error: StatementError) -> str:
    """All that the session said of it, the cause once more on top where it stands deep inside."""
    told = "".join(line if line.endswith("\n") else f"{line}\n" for line in error.traceback)
    name = "" if error.ename == "Error" else error.ename
    message = ": ".join(filter(None, [name, error.evalue.strip()]))
    text = told if error.evalue.strip() in told and message else f"{message}\n{told}"
    cause = str(error)
    return printable(text if text.startswith(cause) else f"{cause}\n\n{text}").rstrip("\n")


def without_jvm_frames(text: str) -> str:
    """A py4j error has the JVM's whole stack in its message."""
    lines = text.splitlines()
    kept = [line for line in lines if not is_jvm_frame(line)]
    return text if len(kept) == len(lines) else "\n".join(kept).strip()
