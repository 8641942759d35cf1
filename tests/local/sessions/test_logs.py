"""Logs are read from their end, however long they are, and give the reason of an end."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.local.sessions.session_log import BatchLog, last_lines, significant_lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo\rthree\n\n", ["one", "two", "three", ""]),
        ("line\u2028 break\x0b é\n".encode(), ["line\u2028 break\x0b é"]),
        (b"\xff\n", ["\ufffd"]),
        (b"1\n2\n3\n4\n5\n", ["2", "3", "4", "5"]),
    ],
)
def test_the_last_lines_of_a_file(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    file = tmp_path / "log"
    file.write_bytes(content)
    assert last_lines(file, 4, 1000) == lines


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 100_000 + b"\nend\n")
    assert last_lines(file, 10, 14) == ["x" * 9, "end"]
    assert last_lines(tmp_path / "nosuch", 10, 14) == []


def test_a_batchs_log_has_livys_marks(tmp_path: Path) -> None:
    log = BatchLog(tmp_path)
    log.stdout_file.write_text("out\n", encoding="utf-8")
    assert log.tail() == ["stdout: ", "out", "\nstderr: "]
    assert (log.stdout_lines(), log.stderr_lines()) == (["out"], [])


def test_a_stream_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    log = BatchLog(tmp_path)
    with log.stdout_file.open("ab", buffering=0) as program, log.stderr_file.open("ab"):
        for number in range(2000):
            program.write(b"line %d\n" % number)
        log.shorten(10_000)
        program.write(b"after\n")
    lines = log.stdout_file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "… older lines were dropped"
    assert lines[1:] == [*(f"line {number}" for number in range(1800, 2000)), "after"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], ""),
        (["all is well"], ""),
        (["  File x", "    1/0", "ZeroDivisionError: division by zero"], "ZeroDivisionError: division by zero"),
        (
            ["Exception in thread main: x", "\tat a.b(C.java)", "and what follows"],
            "Exception in thread main: x and what follows",
        ),
        (["an error", "of our own fabric-livy error"], "an error"),
    ],
)
def test_lines_that_look_like_a_reason(lines: list[str], reason: str) -> None:
    assert significant_lines(lines) == reason
