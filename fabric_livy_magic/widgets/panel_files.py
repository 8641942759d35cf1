"""The section Files of the panel of `%livy ui`: a folder of the lakehouse, and what can be done with what is in it. Pure."""

from __future__ import annotations

from fabric_livy_magic.widgets.panel_parts import Action, Picked, Record, Row, Section, word

TOP = "Files"


def _folder(picked: Picked) -> str:
    return picked.get("folder") or TOP


def _list(path: str) -> str:
    return f"%livy files ls {word(path)}"


def _above(picked: Picked) -> str:
    """`/`, where Files and Tables are, is the uppermost."""
    return _folder(picked).rstrip("/").rpartition("/")[0] or "/"


def _is_folder(picked: Picked) -> bool:
    return picked["entry"].endswith("/")


def _option(record: Record) -> tuple[str, str]:
    is_folder = record["kind"] == "folder"
    return str(record["name"]), f"{record['path']}{'/' if is_folder else ''}"


def _open(picked: Picked) -> str:
    return _list(picked["entry"].rstrip("/")) if _is_folder(picked) else ""


def _head(picked: Picked) -> str:
    return "" if _is_folder(picked) else f"%livy files head {word(picked['entry'])}"


def _remove(picked: Picked) -> str:
    path = picked["entry"].rstrip("/")
    if "/" not in path:
        return ""  # Files and Tables themselves
    return f"%livy files rm {'-r ' if _is_folder(picked) else ''}{word(path)}"


FILES = Section(
    "Files",
    (
        Row(
            (
                Action("Show", lambda picked: _list(_folder(picked))),
                Action("Up", lambda picked: _list(_above(picked)), sets=lambda picked: {"folder": _above(picked)}),
            ),
            text="folder",
            filled=TOP,
        ),
        Row(
            (
                Action("Open", _open, ("entry",), sets=lambda picked: {"folder": picked["entry"].rstrip("/")}),
                Action("First lines", _head, ("entry",)),
                Action("Delete", _remove, ("entry",), asks="Delete it? What is deleted is gone."),
            ),
            "entry",
            "%livy files ls",
            _option,
        ),
    ),
    (f"%livy files ls {TOP}",),
    line_of=lambda picked: _list(_folder(picked)),
)
