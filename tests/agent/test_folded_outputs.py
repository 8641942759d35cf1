"""The outputs of a cell, folded in the session and shown while it runs, are those that a notebook has after the same messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from fabric_livy_magic.agent.remote.agent.events import MOST_CHARACTERS, Displays, Outputs, Seen, encoded_size
from fabric_livy_magic.output.live_screen import LiveScreen
from fabric_livy_magic.running.agent_calls import part_of
from fabric_livy_magic.running.results import Cleared, Part, Printed, Shown, Updated

IDS = st.sampled_from(["a", "b", "c"])
STEP = st.one_of(
    st.tuples(st.just("stream"), st.sampled_from(["stdout", "stderr"]), st.text("xy\n", min_size=1, max_size=3)),
    st.tuples(st.just("display"), IDS | st.just(""), st.integers(0, 99)),
    st.tuples(st.just("update"), IDS, st.integers(0, 99)),
    st.tuples(st.just("clear"), st.booleans()),
)
LOOK = st.tuples(st.just("look"))  # of a client, at what is new
NOTEBOOK = st.lists(st.lists(STEP, max_size=12), min_size=1, max_size=3)
WATCHED_NOTEBOOK = st.lists(st.lists(STEP | LOOK, max_size=16), min_size=1, max_size=3)


class FrontEnd:
    """nbclient's, which takes a kernel's messages."""

    def __init__(self, cells: int) -> None:
        self.notebook = new_notebook(cells=[new_code_cell() for _ in range(cells)])
        self._client = NotebookClient(self.notebook)
        self._client.reset_execution_trackers()
        self._number = -1

    def next_cell(self) -> None:
        self._number += 1
        self._client.clear_before_next_output = False

    def send(self, kind: str, **content: Any) -> None:
        message = {"header": {"msg_type": kind}, "msg_type": kind, "parent_header": {"msg_id": "1"}, "content": content}
        self._client.process_message(message, self.notebook.cells[self._number], self._number)

    def display(self, kind: str, value: Any, display_id: str) -> None:
        transient = {"transient": {"display_id": display_id}} if display_id else {}
        self.send(kind, data={"text/plain": str(value)}, metadata={}, **transient)

    def show(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, Printed):
                self.send("stream", name=part.stream, text=part.text)
            elif isinstance(part, Updated):
                assert isinstance(part.part, Shown)
                self.display("update_display_data", part.part.text, part.part.display_id)
            else:
                assert isinstance(part, Shown)
                self.display("display_data", part.text, part.display_id)

    def clear(self, *, is_followed: bool) -> None:
        self.send("clear_output", wait=is_followed)

    @property
    def outputs(self) -> list[list[Any]]:
        """Of each cell; texts of one stream that follow each other are one."""
        found: list[list[Any]] = []
        for cell in self.notebook.cells:
            shown: list[Any] = []
            for output in cell.outputs:
                if output.output_type == "stream" and shown and shown[-1][0] == output.name:
                    shown[-1] = (output.name, shown[-1][1] + output.text)
                else:
                    shown.append((output.name, output.text) if "name" in output else output.data["text/plain"])
            found.append(shown)
        return found


def as_messages(cells: list[list[Any]]) -> FrontEnd:
    front_end = FrontEnd(len(cells))
    for steps in cells:
        front_end.next_cell()
        for kind, *rest in steps:
            if kind == "stream":
                front_end.send("stream", name=rest[0], text=rest[1])
            elif kind == "clear":
                front_end.send("clear_output", wait=rest[0])
            elif kind != "look":
                front_end.display("display_data" if kind == "display" else "update_display_data", rest[1], rest[0])
    return front_end


def in_session(cells: list[list[Any]], most_characters: int = 10_000) -> FrontEnd:
    """Folded, with looks in between."""
    displays, front_end = Displays(), FrontEnd(len(cells))
    for steps in cells:
        front_end.next_cell()
        outputs, seen, screen = Outputs(displays), Seen(), LiveScreen(front_end)
        for kind, *rest in steps:
            if kind == "stream":
                outputs.text(*rest)
            elif kind == "clear":
                outputs.clear(*rest)
            elif kind == "look":
                news = outputs.news(seen, most_characters)
                screen.hear([Cleared() if "clear" in event else part_of(event) for event in news])
            else:
                event = {"data": {"text/plain": str(rest[1])}, "metadata": {}}
                outputs.show(event, rest[0]) if kind == "display" else outputs.update(event, rest[0])
        front_end.show(screen.rest([part_of(event) for event in outputs.finished()]))
    return front_end


@given(NOTEBOOK)
def test_a_notebook_ends_with_the_outputs_that_a_local_kernel_would_give(cells: list[list[Any]]) -> None:
    assert in_session(cells).outputs == as_messages(cells).outputs


@given(WATCHED_NOTEBOOK, st.sampled_from([10_000, 120, 40]))
def test_it_ends_the_same_where_somebody_looks_on(cells: list[list[Any]], most_characters: int) -> None:
    """Also where a look takes no more than some characters."""
    assert in_session(cells, most_characters).outputs == as_messages(cells).outputs


# ------------------------------------------------------------------------------------------------ bounds
PICTURE: dict[str, Any] = {"data": {"image/png": "x" * 8_000}, "metadata": {}}


def test_ten_thousand_updates_of_a_display_are_one_output() -> None:
    outputs = Outputs(Displays())
    outputs.show(PICTURE, "name")
    for number in range(10_000):
        outputs.update({**PICTURE, "metadata": {"number": number}}, "name")
    (event,) = outputs.finished()
    assert event["metadata"] == {"number": 9_999}


def test_a_loop_that_clears_may_draw_ten_thousand_figures() -> None:
    outputs = Outputs(Displays())
    for number in range(10_000):
        outputs.clear(wait=True)
        outputs.text("stdout", f"step {number}\n")
        outputs.show(PICTURE)
    text, picture = outputs.finished()
    assert (text["text"], picture["data"]) == ("step 9999\n", PICTURE["data"])


def test_ten_thousand_figures_are_cut_with_one_notice() -> None:
    outputs = Outputs(Displays())
    for _ in range(10_000):
        outputs.show(PICTURE)
    events = outputs.finished()
    assert encoded_size(events) < MOST_CHARACTERS + 20_000
    assert events[-1]["text"].startswith(f"\n[{10_000 - len(events) + 1:,} outputs of ")


def test_what_is_too_large_for_a_look_comes_at_the_end_and_keeps_its_place() -> None:
    outputs, seen = Outputs(Displays()), Seen()
    outputs.text("stdout", "before")
    outputs.show(PICTURE)
    outputs.text("stdout", "after")
    assert [event.get("text") for event in outputs.news(seen, 1000)] == ["before"]
    assert outputs.news(seen, 1000) == []
    assert [event.get("text") for event in outputs.finished()] == ["before", None, "after"]


def test_words_of_the_agent_that_are_no_output_of_the_cell_clear_nothing() -> None:
    front_end = FrontEnd(1)
    front_end.next_cell()
    screen = LiveScreen(front_end)
    screen.hear([part_of({"n": 1, "stream": "stdout", "text": "a"}), part_of({"stream": "stderr", "text": "words"})])
    front_end.show(screen.rest([part_of({"n": 1, "stream": "stdout", "text": "abc"})]))
    assert front_end.outputs == [[("stdout", "a"), ("stderr", "words"), ("stdout", "bc")]]


def test_the_result_of_the_cell_is_for_its_end() -> None:
    outputs = Outputs(Displays())
    outputs.show({"data": {"text/plain": "1"}, "metadata": {}, "result": True})
    outputs.show(PICTURE)
    assert outputs.news(Seen(), 1_000_000) == []


@pytest.mark.parametrize(
    "event", [{"n": "1", "stream": "stdout", "text": "x"}, {"n": True, "stream": "stdout", "text": "x"}]
)
def test_a_number_that_is_none_counts_for_nothing(event: dict[str, Any]) -> None:
    assert part_of(event).number == 0  # type: ignore[union-attr]
