"""What of a cell is on the screen while it runs and in the end."""

from __future__ import annotations

from collections.abc import Sequence

from fabric_livy_magic.output.live_screen import LiveScreen
from fabric_livy_magic.running.results import Cleared, Part, Printed, Shown, Updated


class Screen:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.updates: list[Part] = []

    def show(self, parts: Sequence[Part]) -> None:
        self.parts += [part for part in parts if not isinstance(part, Updated)]
        self.updates += [part.part for part in parts if isinstance(part, Updated)]

    def clear(self, *, is_followed: bool) -> None:
        self.parts.clear()


def test_what_was_cleared_is_gone_also_where_one_look_brought_it_with_what_followed() -> None:
    screen = Screen()
    live = LiveScreen(screen)
    earlier = Updated(Shown({"text/plain": "new"}, display_id="of another cell", version=1))
    live.hear([Printed("4\n", number=1), earlier, Cleared(), Printed("5\n", number=2)])
    assert screen.parts == [Printed("5\n")]
    assert screen.updates == [earlier.part]
    assert live.rest([Printed("5\n6\n", number=2)]) == [Printed("6\n")]
