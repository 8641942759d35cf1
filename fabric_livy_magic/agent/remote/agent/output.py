"""The output of one call: text of both streams and MIME bundles, in order, up to a limit."""

from __future__ import annotations

import ctypes
import io
import json
import os
import sys
import tempfile
import threading
from collections import deque
from typing import Any

# As JSON. Livy refuses a string of 20 million characters, and hangs forever above 50 MiB.
MOST_CHARACTERS = 10 * 1024 * 1024


class Output:
    """Thread-safe: threads of user code may write at any time."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._remaining = MOST_CHARACTERS
        self._omitted = 0
        self._lock = threading.RLock()

    def text(self, stream: str, text: str) -> None:
        with self._lock:
            fitting = self._within_limit(text)
            self._omitted += len(text) - len(fitting)
            if not fitting:
                return
            last = self._events[-1] if self._events else {}
            if last.get("stream") == stream:
                last["parts"].append(fitting)
            else:
                self._events.append({"stream": stream, "parts": [fitting]})

    def bundle(self, data: dict[str, Any], metadata: dict[str, Any] | None = None, **more: Any) -> None:
        self._show({"data": data, "metadata": metadata or {}, **more})

    @property
    def room(self) -> int:
        """How many characters are left."""
        return self._remaining

    def frame(self, header: dict[str, Any], **more: Any) -> None:
        """First rows of a Spark DataFrame: see `frames.preview`."""
        self._show({"frame": header, **more})

    def _show(self, event: dict[str, Any]) -> None:
        size = encoded_size(event)
        with self._lock:
            if size > self._remaining:
                self.text(
                    "stderr", f"[an output of {size:,} characters is left out; a cell shows {MOST_CHARACTERS:,}]\n"
                )
                return
            self._remaining -= size
            self._events.append(event)

    def omit(self, characters: int) -> None:
        with self._lock:
            self._omitted += characters

    def _within_limit(self, text: str) -> str:
        if self._remaining <= 0:
            return ""
        size = encoded_size(text)
        if size > self._remaining:
            text = text[: int(len(text) * self._remaining / size)]
            self._remaining = 0
        else:
            self._remaining -= size
        return text

    def finished(self) -> list[dict[str, Any]]:
        """The events, with a notice at the end if not everything is there."""
        with self._lock:
            if self._omitted:
                note = f"\n[{self._omitted:,} more characters were printed; a cell shows {MOST_CHARACTERS:,}]\n"
                self._events.append({"stream": "stderr", "parts": [note]})
            return [
                {"stream": event["stream"], "text": "".join(event["parts"])} if "parts" in event else event
                for event in self._events
            ]


def encoded_size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))


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
        if call is not None:
            call.guard.drain()
            call.output.text(self._stream, text)
        elif not isinstance(sys.stdout, Stream):  # between two cells: to the stream of the shell
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
        self._output: Output | None = None
        self._lock = threading.RLock()
        self._fflush = c_fflush()

    def begin(self, output: Output) -> None:
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
        self.last_reply: tuple[str, str] = ("", "")  # id of the request, and text
        self.answered_requests: deque[str] = deque(maxlen=200)  # ids of the latest requests
        self.guard = Guard()


class Call:
    """One request while it runs."""

    def __init__(self, request: str) -> None:
        self.request = request
        self.guard = running.guard
        self.output = Output()
        self.rows_fetched = 1000


running = Running()
OUT, ERR = Stream("stdout", 1), Stream("stderr", 2)
