"""The lines that say what a Scala cell has printed so far: which cells ask for them, and what is in them."""

from __future__ import annotations

import json
import threading

import pytest

from fabric_livy_magic.local.interpreters.live_scala import MOST_BYTES, Writer, channel_of

CHANNEL = "0123456789abcdef" * 2
ASKED = f"\n// [live fabric-livy {CHANNEL}]"


class Printing:
    """The output of a cell that prints one of the texts before each look."""

    def __init__(self, *texts: bytes) -> None:
        self.texts, self.printed, self.lines = list(texts), b"", list[str]()
        self.ended = threading.Event()

    def output_size(self) -> int:
        if self.texts:
            self.printed += self.texts.pop(0)
        else:
            self.ended.set()
        return len(self.printed)

    def output_bytes(self) -> bytes:
        return self.printed

    def print_line(self, line: str) -> None:
        self.lines.append(line)


def written(*texts: bytes) -> list[str]:
    output = Printing(*texts)
    Writer(output, CHANNEL, output.ended, every_s=0.001).run()
    return output.lines


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("val a = 1", ("val a = 1", "")),
        (f"val a = 1{ASKED}", ("val a = 1", CHANNEL)),
        (f"val a = 1{ASKED}\n", ("val a = 1", CHANNEL)),
        (f"val a = 1\n%json a{ASKED}", ("val a = 1\n%json a", "")),
        (f"val a = 1{ASKED}\nval b = 2", (f"val a = 1{ASKED}\nval b = 2", "")),
        ("val a = 1\n// [live fabric-livy x]", ("val a = 1\n// [live fabric-livy x]", "")),
    ],
)
def test_a_comment_at_the_end_asks_for_them_and_is_no_part_of_the_code(code: str, expected: tuple[str, str]) -> None:
    assert channel_of(code) == expected


def test_each_line_has_what_is_new_also_where_a_look_comes_within_a_character() -> None:
    whole = "a\n\rü😀".encode()
    lines = written(whole[:6], b"", whole[6:])
    assert [line.partition("] ")[0] for line in lines] == [
        f"[live fabric-livy {CHANNEL} {n}" for n in range(len(lines))
    ]
    assert all(line.isascii() for line in lines)
    assert "".join(json.loads(line.partition("] ")[2])[0]["text"] for line in lines) == "a\n\rü😀"


def test_more_than_a_mebibyte_comes_at_the_end_as_it_says() -> None:
    lines = written(b"a", b"b" * MOST_BYTES, b"c")
    assert len(lines) == 2
    assert "comes at its end" in lines[1]
