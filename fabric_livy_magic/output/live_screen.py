"""What of a cell is on the screen while it runs, so that its end shows only the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fabric_livy_magic.running.live_output import News
from fabric_livy_magic.running.results import Cleared, Part, Printed, Shown, Table, Updated


class Screen(Protocol):
    def show(self, parts: Sequence[Part]) -> None: ...
    def clear(self, *, is_followed: bool) -> None:
        """`is_followed`: something is shown at once."""
        ...


class LiveScreen:
    """Of one cell."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown: dict[int, int] = {}  # by number: the characters of a text, the version of a display
        self._updated: dict[str, int] = {}  # version by display id, of displays of earlier cells

    def hear(self, news: Sequence[News]) -> None:
        """Texts are what has been added to them."""
        parts: list[Part] = []
        for place, one in enumerate(news):
            if isinstance(one, Cleared):
                self._screen.show(
                    parts
                )  # of lines before, which one look brought as well: an update of an earlier display stays
                parts = []
                self._clear(news[place + 1 :])
                continue
            parts += self._rest_of(one, is_addition=True)
        self._screen.show(parts)

    def rest(self, parts: Sequence[Part]) -> list[Part]:
        """Of all that the cell gave, what is still to be shown."""
        numbers = {part.number for part in parts if not isinstance(part, Updated)}
        if not self._shown.keys() <= numbers:
            self._clear(parts)
        return [rest for part in parts for rest in self._rest_of(part)]

    def _clear(self, following: Sequence[News]) -> None:
        self._shown.clear()
        self._screen.clear(is_followed=any(not isinstance(one, Updated | Cleared) for one in following))

    def _rest_of(self, part: Part, *, is_addition: bool = False) -> list[Part]:
        if isinstance(part, Updated):
            name, version = part.part.display_id, part.part.version
            known_update = self._updated.get(name)
            self._updated[name] = version
            return [] if known_update == version else [part]
        known = self._shown.get(part.number)
        if isinstance(part, Printed):
            begin = 0 if is_addition else known or 0
            self._keep(part, (known or 0) + len(part.text) - begin)
            return [Printed(part.text[begin:], part.stream)] if part.text[begin:] else []
        self._keep(part, part.version)
        if known is None:
            return [part]
        return [] if known == part.version else [Updated(part)]

    def _keep(self, part: Printed | Shown | Table, known: int) -> None:
        if part.number:  # without one it is no output of the cell's own: words of its agent, or of the shell
            self._shown[part.number] = known
