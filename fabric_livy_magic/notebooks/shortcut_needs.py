"""The shortcuts that a notebook mentions and that lead out of its repository's lakehouses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fabric_livy_magic.notebooks.need import TO_PROVIDE, Need
from fabric_livy_magic.notebooks.notebook_code import NotebookCode
from fabric_livy_magic.notebooks.repository import Repository
from fabric_livy_magic.notebooks.shortcuts import Shortcut


def shortcut_needs(code: NotebookCode, repository: Repository) -> Iterator[Need]:
    """Those of the notebook's default lakehouse, and of those that it mentions by name."""
    default = code.notebook.default_lakehouse
    default_name = default.name.casefold() if default else ""
    for lakehouse in repository.lakehouses:
        outside = [(one, told) for one in lakehouse.shortcuts if (told := _leads_outside(one, code, repository))]
        for number, cell in code.cells.items():
            if cell.is_skipped or not outside:
                continue
            is_meant = lakehouse.name.casefold() == default_name or mentions(cell.source, lakehouse.name)
            for shortcut, told in outside:
                if is_meant and mentions(cell.source, shortcut.name):
                    text = f"a shortcut to {told}; a folder {shortcut.path} in the lakehouse stands for it"
                    yield Need("shortcut", f"{lakehouse.name}/{shortcut.path}", TO_PROVIDE, text, (number,))


def _leads_outside(shortcut: Shortcut, code: NotebookCode, repository: Repository) -> str:
    """Where it leads. Empty where it leads to a lakehouse of the repository."""
    known = ("", *code.notebook.known_lakehouse_ids)
    if shortcut.outside or shortcut.item_id in known or shortcut.item_id in repository.lakehouse_ids:
        return shortcut.outside
    return f"the item {shortcut.item_id}, {shortcut.target}"


def mentions(source: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source, re.IGNORECASE) is not None
