"""What a notebook shows of one call, as its front end would have it in the end: updates, clears and text of one stream are folded.

An event has a number, `n`, by which a client that has shown some of them already tells what is new or has changed.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any, Callable

# As JSON. Livy refuses a string of 20 million characters, and hangs forever above 50 MiB.
MOST_CHARACTERS = 10 * 1024 * 1024
MOST_IDS = 10_000  # of displays in earlier cells, that may still be updated
MOST_PICTURES = 200  # of widgets, each looked at once a cell

Event = Any  # a dict, as it travels, apart from `parts`, `late`, `size` and `version`


class Displays:
    """What lasts from call to call: displays that a later cell may update."""

    def __init__(self) -> None:
        self.prefix = uuid.uuid4().hex[:8]  # a later Python of this session shows others under the same names
        self.known: dict[str, None] = {}  # ids of earlier calls, in the order of their last display
        self.pictures: dict[str, Callable[[], Event]] = {}  # by id; gives the event where it is not as it was last

    def keep(self, names: dict[str, None]) -> None:
        for name in names:
            self.known.pop(name, None)
            self.known[name] = None
        for name in list(self.known)[:-MOST_IDS]:
            del self.known[name]
        for name in list(self.pictures)[:-MOST_PICTURES]:
            del self.pictures[name]


class Outputs:
    """Of one call. Thread-safe: threads of user code may write at any time."""

    def __init__(self, displays: Displays) -> None:
        self._displays = displays
        self._items: list[Event] = []
        self._shown: dict[str, None] = {}  # ids
        self._updates: dict[str, Event] = {}  # of displays of earlier calls
        self._numbers = 0
        self._omitted_characters, self._omitted_displays = 0, (0, 0)
        self._clears_next = False
        self._clears = 0
        self._lock = threading.RLock()
        self.room = MOST_CHARACTERS
        """How many characters are left."""

    def text(self, stream: str, text: str, late: bool = False) -> None:
        """`late`: of another cell, which has ended."""
        with self._lock:
            self._clear_if_due()
            size = encoded_size(text)
            if size > self.room:
                fitting = text[: int(len(text) * max(self.room, 0) / size)]
                self._omitted_characters += len(text) - len(fitting)
                text, size = fitting, max(self.room, 0)
            self.room -= size
            last = self._items[-1] if self._items else {}
            if last.get("stream") == stream and last["late"] == late:
                last["parts"].append(text)
                last["size"] += size
            elif text:
                self._append({"stream": stream, "parts": [text], "late": late, "size": size})

    def show(self, event: Event, name: str = "", picture: Any = None) -> None:
        """`name` is the display's id. `picture`: see `Displays`."""
        with self._lock:
            self._clear_if_due()
            if name:
                self.update(event, name)
                self._shown[name] = None
                event = {**event, "id": name}
            if picture is not None:
                self._displays.pictures[name] = picture
            if self._fits(size := encoded_size(event)):
                self._append({**event, "size": size, "version": 0})

    def update(self, event: Event, name: str) -> None:
        """All displays with that id; of no effect where there are none, as in any notebook."""
        with self._lock:
            size = encoded_size(event)
            for item in self._items:
                if item.get("id") == name and self._fits(size, item["size"]):
                    kept = {key: item[key] for key in ("n", "id")}
                    version = item["version"] + 1
                    item.clear()
                    item.update(**event, **kept, size=size, version=version)
            if name in self._displays.known:
                known = self._updates.get(name, {"size": 0, "version": 0})
                if self._fits(size, known["size"]):
                    self._updates[name] = {**event, "update": name, "size": size, "version": known["version"] + 1}

    def _fits(self, size: int, instead_of: int = 0) -> bool:
        """Takes the room for it."""
        if size > self.room + instead_of:
            count, characters = self._omitted_displays
            self._omitted_displays = count + 1, characters + size
            return False
        self.room -= size - instead_of
        return True

    def clear(self, wait: bool = False) -> None:
        """With `wait` only once something new is shown."""
        with self._lock:
            self._clears_next = True
            if not wait:
                self._clear_if_due()

    def _clear_if_due(self) -> None:
        if not self._clears_next:
            return
        self._clears_next = False
        self.room += sum(item["size"] for item in self._items)
        self._items.clear()
        self._omitted_characters, self._omitted_displays = 0, (0, 0)
        self._clears += 1

    def _append(self, item: Event) -> None:
        self._numbers += 1
        self._items.append({**item, "n": self._numbers})

    def take(self, late: Outputs) -> None:
        """What came before this call."""
        for event in late.finished():
            name = event.pop("update", event.get("id", ""))
            if "stream" in event:
                self.text(event["stream"], event["text"], late=True)
            elif "id" in event or not name:
                self.show({key: one for key, one in event.items() if key not in ("id", "n", "version")}, name)
            else:
                self.update(event, name)

    def omit(self, characters: int) -> None:
        with self._lock:
            self._omitted_characters += characters

    def _draw_anew(self) -> None:
        """Widgets, as they look now."""
        for name, picture in list(self._displays.pictures.items()):
            event = picture()
            if event is not None:
                self.update(event, name)

    # ------------------------------------------------------------------------------------------- what travels
    def finished(self) -> list[Event]:
        """All, with a notice at the end if not everything is there. Nothing may come after it."""
        with self._lock:
            self._draw_anew()
            count, characters = self._omitted_displays
            if count:
                which = (
                    f"{count:,} outputs of {characters:,} characters are"
                    if count > 1
                    else f"an output of {characters:,} characters is"
                )
                self._note(f"{which} left out")
            if self._omitted_characters:
                self._note(f"{self._omitted_characters:,} more characters were printed")
            self._displays.keep(self._shown)
            sent, self._items, self._updates = [as_sent(one) for one in [*self._updates.values(), *self._items]], [], {}
            return sent

    def _note(self, text: str) -> None:
        note = f"\n[{text}; a cell shows {MOST_CHARACTERS:,}]\n"
        self._append({"stream": "stderr", "parts": [note], "late": True, "size": 0})

    def news(self, seen: Seen, most_characters: int) -> list[Event]:
        """What has come since the last call with the same `seen`, as far as it fits. The result of the cell is for its end."""
        with self._lock:
            self._draw_anew()
            found: list[Event] = []
            if self._clears != seen.clears:
                seen.begin_anew(self._clears)
                found.append({"clear": True})
            for name, update in self._updates.items():
                if seen.updates.get(name) != update["version"] and update["size"] <= most_characters:
                    seen.updates[name] = update["version"]
                    most_characters -= update["size"]
                    found.append(as_sent(update))
            for item in self._items:
                if "result" in item or ("parts" not in item and item["size"] > most_characters):
                    break
                is_whole, event = seen.of(item, most_characters)
                if event is not None:
                    most_characters -= encoded_size(event)
                    found.append(event)
                if not is_whole:
                    break
            return found


class Seen:
    """What a client knows of the outputs."""

    def __init__(self) -> None:
        self.clears = 0
        self.updates: dict[str, int] = {}
        self._items: dict[int, int] = {}  # by number: how many parts of a text, or the version of a display

    def begin_anew(self, clears: int) -> None:
        self.clears = clears
        self._items.clear()

    def of(self, item: Event, most_characters: int) -> tuple[bool, Event]:
        """Whether all of it is known after that, and what is new."""
        known = self._items.get(item["n"], -1)
        if "parts" not in item:
            self._items[item["n"]] = item["version"]
            return True, None if known == item["version"] else as_sent(item)
        known = max(known, 0)
        parts: list[str] = []
        for part in item["parts"][known:]:
            most_characters -= len(part)
            if most_characters < 0:
                break
            parts.append(part)
        self._items[item["n"]] = known + len(parts)
        return known + len(parts) == len(item["parts"]), as_sent({**item, "parts": parts}) if parts else None


def as_sent(item: Event) -> Event:
    if "parts" in item:
        return {"n": item["n"], "stream": item["stream"], "text": "".join(item["parts"])}
    event = {key: value for key, value in item.items() if key not in ("size", "version")}
    return {**event, "version": item["version"]} if item["version"] else event


def encoded_size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))
