"""The rows of a result of any size, batch by batch: what is held is a piece or two of its Arrow stream, and one batch.

`call` runs one operation of the agent as a statement and returns its value; it is called from threads that an interrupt of the
reader reaches, so that the statement that makes a piece is cancelled with it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fabric_livy_magic.errors import FabricLivyError, FrameError, Interrupted
from fabric_livy_magic.frames.arrow_stream import CheckedStream, MemoryLimit, PartsAsFile, free_memory_bytes
from fabric_livy_magic.frames.arrow_types import check_types, restore_types
from fabric_livy_magic.frames.livy_json import type_name
from fabric_livy_magic.frames.transfer import AgentCall, OnBytes, decode_piece, wait_for
from fabric_livy_magic.livy.waiting import InterruptRequest, run_in_background

if TYPE_CHECKING:
    import pyarrow as pa

PIECES_AHEAD = 2  # one is made by the session while the one before travels
STOP_WAIT_S = 2.0  # for what an interrupt did to the statements that make pieces
NOT_KNOWN = "The session announced a result in a form that is not known. Its agent may be of another version."


class RowStream:
    """One result: `for batch in stream` gives Arrow batches with Spark's names and types. `close`, or the end of its `with`, frees
    what the session keeps of it. `rows` and `received_bytes` count what came so far. It can be read once."""

    def __init__(self, call: AgentCall, header: Any, on_bytes: OnBytes | None = None) -> None:
        """`header` as the agent's `open_stream` gave it. Raises FrameError where it is none."""
        try:
            self.fields: Sequence[Mapping[str, Any]] = header["schema"]["fields"]
            self._pieces = _Pieces(call, header["stream"], header["first"])
            is_right = all(isinstance(one["name"], str) and "type" in one for one in self.fields)
        except (LookupError, TypeError):
            is_right = False
        if not is_right:
            raise FrameError(NOT_KNOWN)
        self._schema = header["schema"]
        self.more = ""
        self._on_bytes = on_bytes
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def columns(self) -> list[tuple[str, str, Any]]:
        """(name, type in a word, Spark's type as in its schema JSON) of each column; none where the statement gives no rows."""
        return [(one["name"], type_name(one["type"]), one["type"]) for one in self.fields]

    @property
    def received_bytes(self) -> int:
        return self._pieces.received_bytes

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Raises StatementError, FrameError for what did not arrive as it was sent, and Interrupted."""
        if not self.fields:
            return
        pieces = self._pieces
        stream = CheckedStream(pieces.read, most := free_memory_bytes(), MemoryLimit(most))
        try:
            yield from self._read(stream)
        except KeyboardInterrupt:
            raise Interrupted(pieces.interrupt()) from None
        except FabricLivyError:
            raise
        except Exception as error:  # Arrow's own, and what Python says of values that do not fit
            if error is pieces.error:
                raise
            raise FrameError(
                f"The rows did not arrive as they were sent: {str(error) or type(error).__name__}"
            ) from error
        finally:
            self.close()
        if pieces.totals != (self.rows, pieces.received_bytes):
            raise FrameError(
                f"{self.rows} rows in {pieces.received_bytes} bytes arrived, and {pieces.totals} were sent."
            )

    def _read(self, stream: CheckedStream) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with pa.ipc.open_stream(pa.PythonFile(stream, mode="r")) as reader:
            check_types(reader.schema, self._schema)
            while True:
                stream.forget()
                batch = next(reader, None)
                if batch is None:
                    break
                batch.validate(full=True)
                self.rows += batch.num_rows
                if self._on_bytes is not None:
                    self._on_bytes(self.received_bytes, 0, self.rows)
                yield restore_types(batch, self._schema)
            self._pieces.read(1)  # the end-of-stream mark may be in a piece of its own

    def close(self) -> None:
        self._pieces.close()


def batches_of(table: pa.Table) -> list[Any]:
    """At least one, so that its schema is known."""
    import pyarrow as pa

    return table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]


class _Pieces(PartsAsFile):
    """A readable file of the pieces. Those that follow are requested while one is read."""

    def __init__(self, call: AgentCall, name: str | None, first: Mapping[str, Any] | None) -> None:
        super().__init__()
        self._call, self._name = call, name
        self._pending: deque[tuple[concurrent.futures.Future[Any], InterruptRequest]] = deque()
        self._first, self._next, self._requested = first, 0, 1
        self._is_last = first is None
        self.received_bytes = 0
        self.totals: tuple[Any, Any] = (0, 0)
        """Rows and bytes, as the last piece says them."""

    def _next_part(self) -> bytes:
        if self._first is None and self._is_last:
            return b""
        if self._name is not None:
            while len(self._pending) < PIECES_AHEAD:
                self._request(self._requested)
                self._requested += 1
        if self._first is not None:
            piece, self._first = self._first, None
        else:
            piece = wait_for(self._pending[0][0])
            self._pending.popleft()
        content = decode_piece(piece, self._next)
        self._next += 1
        self._is_last = piece.get("is_last") is not False
        if self._is_last:
            self.totals = (piece.get("rows"), piece.get("bytes"))
        self.received_bytes += len(content)
        return content

    def _request(self, number: int) -> None:
        request = InterruptRequest()
        future, _ = run_in_background(lambda: self._call("stream_piece", self._name, number), "piece", request)
        self._pending.append((future, request))

    def interrupt(self) -> str:
        """Cancels the statements that make pieces; what came of it, in a sentence."""
        pending = [one for one in self._pending if not one[0].done()]
        for _, request in pending:
            request.make()
        concurrent.futures.wait([future for future, _ in pending], timeout=STOP_WAIT_S)
        told = [str(future.exception()) for future, _ in pending if future.done() and future.exception()]
        return (told[0] if told else "The transfer was stopped.") + " What had not arrived yet is left out."

    def close(self) -> None:
        """Does not wait: the session frees the rest once the pending calls have ended."""
        name, self._name, self._is_last = self._name, None, True
        self._first, self._unread = None, memoryview(b"")
        if name is None:
            return
        if self.totals == (0, 0):  # nobody wants the rest
            for _, request in self._pending:
                request.make()
        pending = [future for future, _ in self._pending]
        self._pending.clear()

        def free() -> None:
            concurrent.futures.wait(pending)
            with contextlib.suppress(FabricLivyError):  # the session forgets it by itself after a while
                self._call("close_stream", name)

        run_in_background(free, "close")
