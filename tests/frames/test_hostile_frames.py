"""Frames that arrive damaged, or from a session that lies: however they are wrong, it is a FrameError, and nothing ends."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.arrow_stream import free_memory_bytes, read_head
from fabric_livy_magic.frames.transfer import fetch
from tests.support.arrow_mutations import COLUMNS, ROWS, column_of, header_of, no_call, stream_of
from tests.support.rooms import ROOT

MIB = 1024 * 1024
MUTATIONS = 400


def test_damaged_frames_with_right_checksums_end_nothing_and_are_read_or_refused() -> None:
    """In a process of its own: what is not refused in time ends it with a segmentation fault."""
    child = [sys.executable, "-X", "faulthandler", "-m", "tests.support.arrow_mutations", "0", str(MUTATIONS)]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"at seed {done.stderr[-3000:]}"
    outcomes = json.loads(done.stdout)
    assert outcomes["refused"] + outcomes["read"] == MUTATIONS
    assert outcomes["refused"] > MUTATIONS / 2
    assert outcomes["read"] > 10, "some damage changes values alone"


# ------------------------------------------------------------------------------------------------ memory
def packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


IN_A_CHILD = """
import resource, sys
from pathlib import Path
from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.transfer import fetch
from tests.support.arrow_mutations import header_of, no_call
header = header_of(Path(sys.argv[1]).read_bytes(), None, 2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    fetch(no_call, header, most_bytes=2**25)
except FrameError as error:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB there")
def test_a_frame_that_unpacks_to_more_than_there_is_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    content = packed(pa.table({"a": zeros(2**24)}))
    assert len(content) < MIB
    (tmp_path / "frame").write_bytes(content)
    child = [sys.executable, "-c", IN_A_CHILD, str(tmp_path / "frame")]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "needs more memory than there is: at least 0.1 GiB" in done.stdout, done.stderr
    assert int(done.stdout.split()[0]) < 40, "MiB"


def zeros(rows: int) -> pa.Array:
    return pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(bytes(8 * rows))])


@pytest.mark.parametrize("claimed", [2**40, 2**62, 2**63 - 1, -2, -(2**63)])
def test_a_column_that_says_it_is_longer_than_any_memory_is_refused(claimed: int) -> None:
    content = packed(pa.table({"a": zeros(65_536)}))
    there = struct.pack("<q", 8 * 65_536)
    assert content.count(there) == 1
    with pytest.raises(FrameError, match=r"more memory than there is|length below zero"):
        fetch(no_call, header_of(content.replace(there, struct.pack("<q", claimed)), None, 65_536))


def test_nothing_but_nulls_counts_as_what_it_is_in_pandas() -> None:
    values = pa.ListArray.from_arrays(pa.array([0, 2**30], pa.int32()), pa.nulls(2**30))
    content = packed(pa.table({"a": values}))
    with pytest.raises(FrameError, match=r"at least 8\.0 GiB"):
        fetch(no_call, header_of(content, None, 1), most_bytes=4 * 1024 * MIB)


def test_more_rows_than_were_announced_are_refused_at_once() -> None:
    content = packed(pa.table({"a": pa.nulls(2**20)}))
    with pytest.raises(FrameError, match="More than the 5 rows arrived"):
        fetch(no_call, header_of(content, None, 5), most_bytes=2**50)


def test_pieces_longer_than_was_announced_are_refused() -> None:
    header = header_of(stream_of(["int"], packed=False), None)
    with pytest.raises(FrameError, match="More than the 100 bytes arrived"):
        fetch(no_call, {**header, "bytes": 100})


def test_the_free_memory_is_that_of_the_container(tmp_path: Path) -> None:
    free_bytes = free_memory_bytes(tmp_path / "none")
    assert free_bytes > 10 * MIB
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{MIB}\n")
    assert free_memory_bytes(tmp_path) > 10 * MIB
    (tmp_path / "memory.max").write_text(f"{3 * MIB}\n")
    assert free_memory_bytes(tmp_path) == 2 * MIB
    (tmp_path / "memory.max").write_text("5\n")
    assert free_memory_bytes(tmp_path) == 0


# ------------------------------------------------------------------------------------------------ announcements
RIGHT = header_of(stream_of(["long"], packed=True), None)
WRONG_HEADERS: dict[str, Any] = {
    "no header": None,
    "a list": [1, 2],
    "a text": "frame",
    "empty": {},
    **{f"without {key}": {one: value for one, value in RIGHT.items() if one != key} for key in RIGHT if key != "zone"},
    "rows as text": {**RIGHT, "rows": "200"},
    "rows as a truth": {**RIGHT, "rows": True},
    "rows below zero": {**RIGHT, "rows": -1},
    "more rows than there are": {**RIGHT, "rows": 10**9},
    "bytes without end": {**RIGHT, "bytes": 1e400},
    "pieces as a list": {**RIGHT, "pieces": [1]},
    "a frame that is a number": {**RIGHT, "frame": 7},
    "a schema of text": {**RIGHT, "schema": "long"},
    "a schema without fields": {**RIGHT, "schema": {"type": "struct"}},
    "a schema of odd fields": {**RIGHT, "schema": {"fields": [1, None]}},
    "a schema of nameless fields": {**RIGHT, "schema": {"fields": [{"type": "long"}]}},
    "a schema of more fields": {**RIGHT, "schema": {"fields": [{"name": n, "type": "long"} for n in "abc"]}},
    "a type of half a list": {**RIGHT, "schema": {"fields": [{"name": "a", "type": {"type": "array"}}]}},
    "a first piece of text": {**RIGHT, "first": "abc"},
    "a first piece without text": {**RIGHT, "first": {"number": 0, "crc": 0}},
    "a first piece of a number": {**RIGHT, "first": {"number": 0, "crc": 0, "text": 7}},
    "a first piece that is no base64": {**RIGHT, "first": {"number": 0, "crc": 0, "text": "é"}},
    "a wrong checksum": {**RIGHT, "first": {**RIGHT["first"], "crc": 1}},
    "no first piece": {**RIGHT, "first": None},
    "an empty stream": header_of(b"", None),
    "text for a stream": header_of(b"id,name\n1,Ada\n" * 10, None),
    "a stream of an old form": header_of(stream_of(["int"], packed=False)[4:], None),
}


@pytest.mark.parametrize("header", WRONG_HEADERS.values(), ids=WRONG_HEADERS)
def test_a_frame_that_is_announced_wrongly_is_refused(header: Any) -> None:
    with pytest.raises(FrameError):
        fetch(no_call, header)


SPARK_TYPES = [spark for _, _, spark in COLUMNS.values() if spark is not None] + ["interval", "variant", "date"]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_came_as_another_type_than_was_announced_is_read_or_refused(name: str) -> None:
    content = stream_of([name], packed=True)
    outcomes = set()
    for spark in SPARK_TYPES:
        schema = {"type": "struct", "fields": [{"name": "c", "type": spark}]}
        try:
            fetch(no_call, header_of(content, schema)).validate(full=True)
        except FrameError:
            outcomes.add("refused")
    assert outcomes == {"refused"}


# ------------------------------------------------------------------------------------------------ code
class RunsCode:
    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)

    path = ""


def test_a_type_that_is_python_code_of_the_session_is_not_run(tmp_path: Path) -> None:
    code = RunsCode()
    RunsCode.path = str(tmp_path / "ran")
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(code)}
    field = pa.field("a", pa.int64(), metadata=extension)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = packed(pa.table([zeros(3)], schema=pa.schema([field])))
        with pytest.raises(FrameError, match="Python code of the session"):
            fetch(no_call, header_of(content, None, 3))
    assert not (tmp_path / "ran").exists()


# ------------------------------------------------------------------------------------------------ heads of messages
@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(content: bytes) -> None:
    try:
        head = read_head(content)
    except (struct.error, IndexError, ValueError):
        return
    assert isinstance(head.body_bytes, int)


def test_a_head_says_what_arrow_wrote() -> None:
    messages = list(pa.ipc.MessageReader.open_stream(stream_of(["long", "string"], packed=False)))
    assert read_head(messages[0].metadata.to_pybytes()).kind == 1
    head = read_head(messages[1].metadata.to_pybytes())
    assert (head.kind, head.is_packed, head.values) == (3, False, 2 * ROWS // 2)
    assert head.body_bytes == messages[1].body.size
    assert sum(length for _, length in head.buffers) >= column_of("long").slice(0, ROWS // 2).nbytes
