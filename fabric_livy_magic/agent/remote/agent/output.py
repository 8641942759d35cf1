"""Where the text of a call comes from: Python's two streams, and descriptors 1 and 2."""

from __future__ import annotations

import ctypes
import io
import os
import sys
import tempfile
import threading
from collections import deque
from typing import Any

from . import origins
from .events import MOST_CHARACTERS, Displays, Outputs


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of all calls. A logging handler that keeps it writes to the call that is running then."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = f"<{name}>"
        self._stream = name
        self._descriptor = descriptor
        self.buffer = ByteStream(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        call = running.call
        if running.is_late():
            running.outputs().text(self._stream, running.late_text(text), late=True)
        elif call is not None:
            call.guard.drain()
            call.output.text(self._stream, text)
        elif not isinstance(sys.stdout, Stream):  # in a statement without the agent: to the stream of the shell
            sys.stdout.write(text)
        return len(text)

    def flush(self) -> None:
        if running.call is not None:
            running.call.guard.drain()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """A real descriptor: what a child process writes to it becomes output as well."""
        return self._descriptor


class ByteStream(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._text_stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._text_stream.write(data.decode("utf-8", "replace"))
        return len(data)


class Guard:
    """Redirects descriptors 1 and 2, to which C code and child processes write, into files while a call runs.

    In Livy's shell descriptor 1 carries the protocol. One stray byte, and every later statement gets the output of the
    one before (seen on Apache Livy 0.9).
    """

    def __init__(self) -> None:
        self._files = {1: ("stdout", anonymous_file()), 2: ("stderr", anonymous_file())}
        self._read = {1: 0, 2: 0}
        self._shell_descriptors: dict[int, int] = {}
        self._output: Outputs | None = None
        self._lock = threading.RLock()
        self._fflush = c_fflush()

    def begin(self, output: Outputs) -> None:
        self._output = output
        for number, (_, file) in self._files.items():
            try:
                saved = os.dup(number)
            except OSError:  # it is closed, so there is nothing to protect
                continue
            os.dup2(file, number)
            self._shell_descriptors[number] = saved
        self._fflush(None)  # what C code has buffered must not reach the shell's descriptor, now or later

    def end(self) -> None:
        self._fflush(None)
        self.drain()
        self._output = None
        for number, saved in self._shell_descriptors.items():
            os.dup2(saved, number)
            os.close(saved)
        self._shell_descriptors.clear()

    def replace_shell_stdout(self, descriptor: int) -> int:
        """`end` will restore `descriptor` as standard output. Returns the shell's own, which the caller closes."""
        saved = os.dup(self._shell_descriptors[1])
        os.dup2(descriptor, self._shell_descriptors[1])
        return saved

    def drain(self) -> None:
        """Appends what was written since to the output, in order with what Python prints."""
        with self._lock:
            if self._output is None:
                return
            for number, (name, descriptor) in self._files.items():
                begin = self._read[number]
                end = os.fstat(descriptor).st_size
                if end == begin:
                    continue
                data = os.pread(descriptor, min(end - begin, MOST_CHARACTERS), begin)
                self._output.text(name, data.decode("utf-8", "replace"))
                self._output.omit(end - begin - len(data))
                self._read[number] = end
                if end > MOST_CHARACTERS:
                    os.ftruncate(descriptor, 0)
                    os.lseek(descriptor, 0, os.SEEK_SET)
                    self._read[number] = 0


def anonymous_file() -> int:
    """Its descriptor; the system deletes the file when that is closed."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def c_fflush() -> Any:
    """C's `fflush`, for all streams; does nothing where the C library cannot be loaded."""
    try:
        return ctypes.CDLL(None).fflush
    except (OSError, AttributeError, TypeError):
        return lambda stream: 0


class Running:
    """The running call, and what lasts from call to call."""

    def __init__(self) -> None:
        self.call: Any = None
        self.namespace: dict[str, Any] = {}
        """The globals of the latest call."""
        self.last_reply: tuple[str, str] = ("", "")  # id of the request, and text
        self.answered_requests: deque[str] = deque(maxlen=200)  # ids of the latest requests
        self.guard = Guard()
        self.displays = Displays()
        self.late = Outputs(self.displays)
        """What came between two cells, for the next one."""

    def is_late(self) -> bool:
        """Whether this code is of another cell than the one that runs, if one does."""
        origin, call = origins.current.get(), self.call
        if call is not None and call.is_cell:
            return origin is not None and origin is not call.origin
        return threading.current_thread() is not threading.main_thread()

    def late_text(self, text: str) -> str:
        return (origins.current.get() or origins.UNKNOWN).marked(text)

    def outputs(self) -> Outputs:
        """Where output goes now. That of a call which is no cell is seen by nobody."""
        call = self.call
        if call is None or (self.is_late() and not call.is_cell):
            return self.late
        return call.output  # type: ignore[no-any-return]

    def take_late(self) -> Outputs:
        late, self.late = self.late, Outputs(self.displays)
        return late


class Call:
    """One request while it runs."""

    def __init__(self, request: str, is_cell: bool) -> None:
        self.request = request
        self.is_cell = is_cell
        self.origin = origins.Origin()
        self.guard = running.guard
        self.output = Outputs(running.displays)
        self.rows_fetched = 1000


running = Running()
OUT, ERR = Stream("stdout", 1), Stream("stderr", 2)
