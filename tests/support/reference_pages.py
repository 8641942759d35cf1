"""The pages of docs/reference that are written from the code: every magic with its options, every setting, every message.

python -m tests.support.reference_pages          prints them; --write puts them into docs/reference
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from unittest.mock import patch

from fabric_livy_magic.cells.subcommands import CELLS, CELLS_NOTE, SUMMARIES, help_records
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.results import Result
from fabric_livy_magic.running.row_streams import RowStream
from fabric_livy_magic.sessions.batches import Batch, Batches
from fabric_livy_magic.sessions.connect import connect
from fabric_livy_magic.sessions.runs import Run, Runs
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import ENVIRONMENT_PREFIX, METHODS, Settings
from fabric_livy_magic.signin.entra.reasons import MEANINGS
from fabric_livy_magic.trust import HARMLESS
from tests.support.messages import PUT_IN, messages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
COLUMNS = "100"
WRITTEN = "<!-- written by `python -m tests.support.reference_pages --write` -->\n"

MAGICS = """# Magics

All subcommands of `%livy` and all cell magics, with their options, as `%livy SUBCOMMAND --help` shows them. The kernel's own magics, such as `%%local`
and `%run`, are in [where things run](../kernel.md#where-things-run).
"""
SETTINGS = """# Settings

`%livy config` lists them with their values and where each came from, `%livy config NAME VALUE` sets one for the notebook,
`fabric-livy config set NAME VALUE` for all that is yours, `connect(…, NAME=VALUE)` for a session of a program.

What is named first counts: the call → the notebook → [the profile](#profiles) → the environment → the project's pyproject.toml
(`[tool.fabric-livy]`) → your settings file → the default. Each may be set in all of these, with one exception: a project's file chooses what has
a yes in the last column, and all else after [you trusted it](../security.md#what-a-projects-file-may-choose). A secret is no setting.
"""
PROFILES = """## Profiles

A profile is a table of your settings file (`fabric-livy config path`), with any of these settings. `%livy use test`, or
`FABRIC_LIVY_PROFILE=test`, chooses all of them at once:

```toml
rows_shown = 20

[profiles.test]
target = "Sales/Bronze"
method = "device"
tenant = "contoso.com"
```

A name that is `local` or has a slash is none, since it would hide a target.
"""
MESSAGES = """# Messages

What the errors of this package say, by [type](errors.md), where `…` stands for a name, a number or a server's own words. Most say what to do themselves;
[troubleshooting](../troubleshooting.md) has more on those that people meet. Errors of your code have Spark's or Python's own words.
"""


PYTHON = """# Python API

`from fabric_livy_magic import connect, FabricLivyError, Result, Session`. [Python programs](../python.md) shows it in use, [errors](errors.md) what is raised.
"""
PUBLIC = {
    "Session": Session,
    "Result of a cell": Result,
    "Handle of submit": Background,
    "Rows of stream": RowStream,
    "Files of the lakehouse": OneLake,
    "Batches": Batches,
    "Batch": Batch,
    "Runs": Runs,
    "Run": Run,
}
# Of the classes above, what is for this package's other rooms.
INTERNAL = {
    *("Session.ask", "Session.candidates", "Session.remote", "Session.wait_ready"),
    *(
        "Background.cancel_message",
        "Result.value",
        "Result.value_table",
        "Batches.client",
        "Batches.submit",
        "Runs.client",
        "Runs.get_running",
    ),
    *(
        f"OneLake.{name}"
        for name in ("abfss", "append", "create", "entries", "find", "flush", "rename", "with_short_timeouts")
    ),
}


def magics_page() -> str:
    with patch.dict(os.environ, {"COLUMNS": COLUMNS, "NO_COLOR": "1"}):
        return "\n".join([MAGICS, WRITTEN, *_magics()])


def _magics() -> Iterator[str]:
    part = ""
    for record in help_records():
        if record["part"] != part:
            part = record["part"]
            yield f"## {part[0].upper()}{part[1:]}\n"
            if part == "cells":
                yield f"{CELLS_NOTE.replace('%livy_sql SELECT 1', '`%livy_sql SELECT 1`').replace('%livy_sql --help', '`%livy_sql --help`')}\n"
        name = record["command"]
        yield f"### `{name}`\n"
        summary = (SUMMARIES | CELLS)[name.removeprefix("%livy ")]
        usage = record["usage"].rstrip()
        yield f"```text\n{usage}\n```\n" if usage else f"{summary[0].upper()}{summary[1:]}.\n"


def settings_page() -> str:
    rows = ["| setting | what it is | default | environment | project |", "|---|---|---|---|---|"]
    for setting in fields(Settings):
        if setting.name == "origins":
            continue
        variables = [ENVIRONMENT_PREFIX + setting.name.upper(), setting.metadata.get("azure")]
        shown = " ".join(f"`{variable}`" for variable in variables if variable)
        rows.append(
            f"| `{setting.name}` | {_words(setting.metadata['help'])} | {_default(setting.default)} | {shown} | {_project(setting.name)} |"
        )
    values = (
        f"Values of `method` are {', '.join(f'`{method}`' for method in METHODS)}, and the dotted path of a class.\n"
    )
    return "\n".join([SETTINGS, WRITTEN, *rows, "", values, PROFILES])


def messages_page() -> str:
    lines = [MESSAGES, WRITTEN]
    for error, texts in messages().items():
        lines += [f"## {error}", "", *(f"- {_plain_text(text)}" for text in texts), ""]
    lines += ["## Of Entra, by number", "", "| AADSTS | |", "|---|---|"]
    lines += [f"| {number} | {_plain_text(meaning)} |" for number, meaning in sorted(MEANINGS.items())]
    return "\n".join([*lines, ""])


def python_page() -> str:
    lines = [PYTHON, WRITTEN, f"## connect\n\n```text\nconnect{_signature(connect)}\n```\n\n{_paragraphs(connect)}\n"]
    for told, kind in PUBLIC.items():
        lines += [f"## {told}", "", _paragraphs(kind), ""]
        for name, member in inspect.getmembers(kind):
            if (
                name.startswith("_")
                or f"{kind.__name__}.{name}" in INTERNAL
                or name in getattr(kind, "__dataclass_fields__", {})
            ):
                continue
            is_call = inspect.isroutine(member)
            lines += [f"### {kind.__name__}.{name}", ""]
            lines += ["```text", f"{name}{_signature(member)}", "```", ""] if is_call else []
            lines += [*filter(None, [_paragraphs(member)]), ""]
    return "\n".join(lines)


class _Written(str):
    """An annotation as the source has it, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self.replace("builtins.", "")


def _signature(call: Callable[..., object]) -> str:
    """Without `self`."""
    signature = inspect.signature(call)
    taken = [
        one.replace(annotation=_Written(one.annotation)) for name, one in signature.parameters.items() if name != "self"
    ]
    text = str(signature.replace(parameters=taken, return_annotation=_Written(signature.return_annotation)))
    return text.replace(repr(print), "print")


def _paragraphs(documented: object) -> str:
    return " ".join((inspect.getdoc(documented) or "").replace("<", "&lt;").split())


def _plain_text(text: str) -> str:
    """As Markdown that shows it: what is in backticks stays, all else means itself."""
    parts = text.replace(PUT_IN, "…").split("`")
    shown = [
        f"`{part}`"
        if number % 2 and number < len(parts) - 1
        else re.sub(r"([\\*_>\[\]#|])", r"\\\1", part.replace("<", "&lt;"))
        for number, part in enumerate(parts)
    ]
    return "".join(shown)


def _words(text: str) -> str:
    return text.replace("|", "\\|")


def _default(value: object) -> str:
    if value == "":
        return "empty"
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{text}`"


def _project(name: str) -> str:
    if name == "target":
        return "`local` and Fabric's own hosts"
    return "yes" if name in HARMLESS else "when trusted"


PAGES = {"python.md": python_page, "magics.md": magics_page, "settings.md": settings_page, "messages.md": messages_page}


if __name__ == "__main__":
    for page, text in PAGES.items():
        if "--write" in sys.argv[1:]:
            (FOLDER / page).write_text(text(), encoding="utf-8")
        else:
            print(text())
