"""From the name or id that somebody types to the one item that it means.

Fabric lets names hold slashes, blanks and any script; workspaces may have the same name, and names may differ only by case. A
name that could mean two items is refused, never guessed.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from fabric_livy_magic.errors import NotFoundError, SettingsError
from fabric_livy_magic.fabric.models import Item

NAMES_SHOWN = 5
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def find_item(kind: str, name: str, by_id: Callable[[str], Item], list_all: Callable[[], list[Item]]) -> Item:
    """Raises SettingsError where `name` means no item, or several."""
    if not name.strip():
        raise SettingsError(f"No {kind} was named.")
    if _GUID.fullmatch(name):
        try:
            return by_id(name)
        except NotFoundError:
            pass  # a name may look like an id
    items = list_all()
    found = items_named(name, items)
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"{len(found)} {kind}s are named {name!r}. Use the id of the one you mean: "
            + ", ".join(f"{one.id} ({one.name!r})" for one in found)
            + "."
        )
    raise SettingsError(
        f"There is no {kind} {name!r}, or this account has no access to it.{_similar_names(kind, name, items)}"
    )


def items_named(name: str, items: Iterable[Item]) -> list[Item]:
    """Those that `name` can mean: by id, else by the exact name, else by the name in another case or Unicode form."""
    items = list(items)
    for same in (
        lambda one: one.id.lower() == name.lower(),
        lambda one: one.name == name,
        lambda one: unicodedata.normalize("NFC", one.name) == unicodedata.normalize("NFC", name),
        lambda one: _case_folded(one.name) == _case_folded(name),
    ):
        if found := [one for one in items if same(one)]:
            return found
    return []


def _case_folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def _similar_names(kind: str, name: str, items: Sequence[Item]) -> str:
    names = {_case_folded(one.name): one.name for one in items}
    similar = [
        names[one] for one in difflib.get_close_matches(_case_folded(name), list(names), n=NAMES_SHOWN, cutoff=0.6)
    ]
    similar += [one.name for one in items if _case_folded(name) in _case_folded(one.name) and one.name not in similar]
    if similar:
        return f" Did you mean {' or '.join(repr(name) for name in similar[:NAMES_SHOWN])}?"
    if not items:
        return f" It sees no {kind} at all."
    shown = ", ".join(repr(one.name) for one in items[:NAMES_SHOWN])
    return f" It sees {shown}{f' and {len(items) - NAMES_SHOWN} more' if len(items) > NAMES_SHOWN else ''}."
