"""The transfer in pieces, with the agent's own code in this process and frames of Arrow: no Spark is needed."""

from __future__ import annotations

import _thread
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fabric_livy_magic.agent.remote.agent import frames as agent_frames
from fabric_livy_magic.errors import FrameError, StatementError
from fabric_livy_magic.frames import transfer
from fabric_livy_magic.frames.conversion import to_pandas
from tests.support.in_process import InProcessAgent
from tests.support.rooms import ROOT
from tests.support.timing import eventually

SMALL_PIECE_BYTES = 20_000


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessAgent]:
    """Pieces of 20 kB, so that a small frame has many."""
    monkeypatch.setattr(agent_frames, "PIECE_BYTES", SMALL_PIECE_BYTES)
    monkeypatch.setattr(transfer, "PIECE_UP_BYTES", SMALL_PIECE_BYTES)
    yield InProcessAgent(None)
    assert eventually(lambda: not agent_frames._frames), "a frame was left in the session"
    assert eventually(lambda: not agent_frames._uploads), "an upload was left in the session"


def table_of(rows: int) -> pa.Table:
    """Numbers that do not compress."""
    return pa.table({"a": np.random.default_rng(1).integers(0, 2**62, rows), "b": [f"é{n}" for n in range(rows)]})


def opened(agent: InProcessAgent, rows: int = 40_000, limit: int | None = None) -> tuple[dict[str, Any], pa.Table]:
    agent.namespace["table"] = table = table_of(rows)
    return agent("open_expression", "table", limit), table


def test_a_frame_of_many_pieces_arrives_whole_with_its_progress(agent: InProcessAgent) -> None:
    header, table = opened(agent)
    assert header["pieces"] > 10
    progress: list[tuple[int, int, int]] = []
    assert transfer.fetch(agent, header, lambda *so_far: progress.append(so_far)).equals(table)
    assert [done for done, _, _ in progress] == sorted(done for done, _, _ in progress)
    assert progress[-1][:2] == (header["bytes"], header["bytes"])
    assert len(progress) == header["pieces"]


A_CALL_THAT_NEVER_ENDS = """
import _thread, threading
from fabric_livy_magic.frames import transfer
header = {"frame": "f", "pieces": 3, "bytes": 9, "rows": 1, "more": False, "schema": None, "zone": "UTC", "first": None}
def call(*operation):
    _thread.interrupt_main()
    threading.Event().wait()
try:
    transfer.fetch(call, header)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_call_that_never_ends_does_not_keep_the_process() -> None:
    child = [sys.executable, "-c", A_CALL_THAT_NEVER_ENDS]
    done = subprocess.run(child, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout == "interrupted\n"


def test_a_small_frame_needs_no_second_call(agent: InProcessAgent) -> None:
    header, table = opened(agent, rows=3)
    assert transfer.fetch(agent, header).equals(table)
    assert agent.operations == ["open_expression"]


def test_several_pieces_are_on_their_way_at_once(agent: InProcessAgent) -> None:
    header, table = opened(agent)
    meet = threading.Barrier(transfer.PARALLEL_CALLS)

    def call(operation: str, *arguments: Any) -> Any:
        if operation == "piece" and arguments[1] <= transfer.PARALLEL_CALLS:
            meet.wait(10)
        return agent(operation, *arguments)

    assert transfer.fetch(call, header).equals(table)


@pytest.mark.parametrize(
    ("limit", "rows", "more"), [(0, 0, True), (5, 5, True), (7, 7, False), (9, 7, False), (None, 7, False)]
)
def test_a_limit_cuts_and_the_header_has_whether_there_is_more(
    agent: InProcessAgent, limit: int | None, rows: int, more: bool
) -> None:
    header, table = opened(agent, rows=7, limit=limit)
    assert (header["rows"], header["more"]) == (rows, more)
    assert transfer.fetch(agent, header).equals(table.slice(0, rows))


def test_a_remote_pandas_frame_comes_as_it_is(agent: InProcessAgent) -> None:
    frame = pd.DataFrame({"a": [1.5, None], "7": pd.Categorical(["x", "y"])}, index=pd.Index(["k", "l"], name="key"))
    agent.namespace["frame"] = frame
    header = agent("open_expression", " frame ", None)
    pd.testing.assert_frame_equal(to_pandas(transfer.fetch(agent, header), header["schema"]), frame)


@pytest.mark.parametrize("expression", ["5", "None", "[1]", "'text'", "frame.groupby('a')"])
def test_what_is_no_frame_is_refused(agent: InProcessAgent, expression: str) -> None:
    agent.namespace["frame"] = pd.DataFrame({"a": [1]})
    with pytest.raises(agent_frames.Refused, match="no DataFrame"):
        agent("open_expression", expression, None)


def test_a_damaged_piece_is_noticed(agent: InProcessAgent) -> None:
    header, _ = opened(agent)

    def call(operation: str, *arguments: Any) -> Any:
        answer = agent(operation, *arguments)
        if operation == "piece" and answer["number"] == 5:
            answer["text"] = answer["text"].replace("A", "B")
        return answer

    with pytest.raises(FrameError, match=r"Piece 5 .*damaged"):
        transfer.fetch(call, header)


def test_a_piece_of_another_number_is_noticed(agent: InProcessAgent) -> None:
    header, _ = opened(agent)

    def call(operation: str, frame: str, *arguments: Any) -> Any:
        return agent(operation, frame, *(min(number, 4) for number in arguments))

    with pytest.raises(FrameError, match="Piece 5"):
        transfer.fetch(call, header)


def test_a_piece_that_fails_remotely_ends_the_transfer_with_that_error(agent: InProcessAgent) -> None:
    header, _ = opened(agent)

    def call(operation: str, *arguments: Any) -> Any:
        if operation == "piece" and arguments[1] == 3:
            raise StatementError("KeyboardInterrupt", "")
        return agent(operation, *arguments)

    with pytest.raises(StatementError, match="KeyboardInterrupt"):
        transfer.fetch(call, header)


def test_a_frame_that_ends_too_early_is_noticed(agent: InProcessAgent) -> None:
    header, _ = opened(agent)
    with pytest.raises(FrameError, match=r"did not arrive as it was sent|bytes and"):
        transfer.fetch(agent, {**header, "pieces": 3})


def test_a_frame_that_was_closed_is_refused(agent: InProcessAgent) -> None:
    header, _ = opened(agent)
    agent("close_frame", header["frame"])
    with pytest.raises(agent_frames.Refused, match="not here any more"):
        transfer.fetch(agent, header)


def test_an_interrupt_acts_at_once_and_frees_the_frame(agent: InProcessAgent) -> None:
    header, _ = opened(agent)
    go_on = threading.Event()

    def call(operation: str, *arguments: Any) -> Any:
        if operation == "piece" and arguments[1] >= 2:
            if arguments[1] == 2:
                _thread.interrupt_main()
            go_on.wait(20)
        return agent(operation, *arguments)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        transfer.fetch(call, header)
    assert time.monotonic() - began < 5
    go_on.set()


# ------------------------------------------------------------------------------------------------ to Spark
class Receiver:
    """Stands where Spark is: keeps the table that would be published."""

    def __init__(self, agent: InProcessAgent) -> None:
        self.agent = agent
        self.table: pa.Table = None

    def __call__(self, operation: str, *arguments: Any) -> Any:
        if operation == "publish":
            frame, pieces, _ = arguments
            held = agent_frames._uploads.pop(frame)[1]
            assert sorted(held) == list(range(pieces))
            self.table = pa.ipc.open_stream(b"".join(held[n] for n in range(pieces))).read_all()
            return {"rows": self.table.num_rows, "schema": None}
        return self.agent(operation, *arguments)


def test_a_frame_goes_up_in_pieces(agent: InProcessAgent) -> None:
    table, receiver = table_of(40_000), Receiver(agent)
    progress: list[tuple[int, int, int]] = []
    transfer.send(receiver, table, "t", lambda *so_far: progress.append(so_far))
    assert receiver.table.to_pydict() == {"c0": table["a"].to_pylist(), "c1": table["b"].to_pylist()}
    assert json.loads(receiver.table.schema.metadata[b"spark"])["names"] == ["a", "b"]
    assert agent.operations.count("receive") == len(progress) > 10
    assert progress[-1][2] == 40_000


def test_many_small_chunks_go_up_as_few_batches(agent: InProcessAgent) -> None:
    table, receiver = pa.concat_tables([table_of(2)] * 500), Receiver(agent)
    transfer.send(receiver, table, "t")
    assert receiver.table.num_rows == 1000
    assert receiver.table.column(0).num_chunks == 1


def test_a_piece_that_does_not_arrive_ends_the_transfer_and_frees_the_rest(agent: InProcessAgent) -> None:
    def call(operation: str, *arguments: Any) -> Any:
        if operation == "receive" and arguments[1] == 3:
            raise StatementError("OSError", "no")
        return agent(operation, *arguments)

    with pytest.raises(StatementError):
        transfer.send(call, table_of(40_000), "t")


def test_a_piece_still_on_its_way_when_the_transfer_ends_is_freed_too(agent: InProcessAgent) -> None:
    failed, arrived = threading.Event(), threading.Event()

    def call(operation: str, *arguments: Any) -> Any:
        if operation == "receive" and arguments[1] == 3:
            failed.set()
            raise StatementError("OSError", "no")
        if operation == "receive" and arguments[1] == 4:
            failed.wait(10)
            time.sleep(0.3)
        reply = agent(operation, *arguments)
        if operation == "receive" and arguments[1] == 4:
            arrived.set()
        return reply

    with pytest.raises(StatementError):
        transfer.send(call, table_of(40_000), "t")
    assert arrived.wait(10)


def test_damage_on_the_way_up_is_noticed_there(agent: InProcessAgent) -> None:
    with pytest.raises(agent_frames.Refused, match="damaged"):
        agent("receive", "f", 0, 5, "AAAA")


def test_missing_pieces_are_refused(agent: InProcessAgent) -> None:
    with pytest.raises(agent_frames.Refused, match="2 of 2 pieces"):
        agent("publish", "f", 2, "t")
