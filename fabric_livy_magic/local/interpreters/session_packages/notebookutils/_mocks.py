"""Mocks: answers, from files of the user's repository, for what this machine does not have.

`mocks.toml` (or `mocks.json`, of the same shape) of each folder has them; docs/mocks.md shows every part. With mocks
nothing else is asked: neither the file of secrets nor the network. The files are data, and are read again when they change.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from notebookutils._context import session_context
from notebookutils._errors import NotebookUtilsError

VARIABLE = "NOTEBOOKUTILS_MOCKS"  # set in a session that has some, so that others read nothing
NAMES = ("mocks.toml", "mocks.json")
ANSWERS = ("file", "rows", "value")
KEYS: Dict[str, Tuple[str, ...]] = {
    "http": ("url", "method", "status", "headers", "body", "json", "file", "contains", "times"),
    "semantic_link": ("function", "arguments", *ANSWERS),
    "spark": ("format", "options", "file", "rows", "schema"),
    "warehouse": ("table", "file", "rows", "schema"),
}
NEEDED = {"http": "url", "semantic_link": "function", "spark": "format", "warehouse": "table"}
TABLES = ("tokens", "vaults")
LET_THROUGH = "let_through"


class MockMissing(NotebookUtilsError):
    """Nothing answers for it. The message has the lines to add, and the file."""


class Entry(NamedTuple):
    """One `[[section]]` of a file."""

    file: str
    values: Dict[str, Any]

    def path(self) -> str:
        """Of its `file`, which is below the folder of the mocks."""
        folder = os.path.realpath(os.path.dirname(self.file))
        path = os.path.realpath(os.path.join(folder, str(self.values["file"])))
        if not path.startswith(folder + os.sep):
            raise NotebookUtilsError(
                f"{self.file}: file = {self.values['file']!r} leads out of the folder of the mocks."
            )
        if not os.path.isfile(path):
            raise NotebookUtilsError(f"{self.file} names {self.values['file']!r}, and there is no file {path}.")
        return path


# By path of the file, with its time and size when it was read.
READ: Dict[str, Tuple[Tuple[int, int], Dict[str, Any]]] = {}


def is_active() -> bool:
    return VARIABLE in os.environ


def settings() -> Dict[str, Any]:
    """folders, used, record."""
    found: Dict[str, Any] = session_context().facts["mocks"]
    return found


# ------------------------------------------------------------------------------------------------ files
def files() -> List[str]:
    """Of all folders; earlier ones count first."""
    paths = [os.path.join(folder, name) for folder in settings()["folders"] for name in NAMES]
    return [path for path in paths if os.path.isfile(path)]


def file_to_add_to() -> str:
    """The first that is there, of the last folder that has one: those before it may be a test's own."""
    return next(reversed(files()), os.path.join(settings()["folders"][-1], NAMES[0]))


def content(file: str) -> Dict[str, Any]:
    try:
        with open(file, "rb") as opened:
            status = os.fstat(opened.fileno())
            stamp = (status.st_mtime_ns, status.st_size)
            if READ.get(file, (None,))[0] == stamp:
                return READ[file][1]
            text = opened.read().decode("utf-8-sig")
        found = json.loads(text) if file.endswith(".json") else toml(text)
    except (OSError, ValueError) as problem:
        raise NotebookUtilsError(f"The mocks cannot be read: {file}: {problem}") from None
    check(file, found)
    READ[file] = (stamp, found)
    return found


def toml(text: str) -> Dict[str, Any]:
    try:
        import tomllib
    except ImportError:
        raise NotebookUtilsError("TOML needs Python 3.11. Write the mocks as mocks.json, of the same shape.") from None
    return tomllib.loads(text)


def check(file: str, found: Any) -> None:
    """A key that means nothing is a mistake that would otherwise show as an answer that never comes."""
    known = [*TABLES, *KEYS, LET_THROUGH]
    if not isinstance(found, dict):
        raise NotebookUtilsError(f"{file} is no table of mocks. It may have: {', '.join(known)}.")
    for section, value in found.items():
        if section not in known:
            raise NotebookUtilsError(f"{file}: {section!r} means nothing. It may have: {', '.join(known)}.")
        if section in TABLES and not isinstance(value, dict):
            raise NotebookUtilsError(f"{file}: {section} is a table, [{section}].")
        if section in KEYS:
            check_entries(file, section, value)


def check_entries(file: str, section: str, entries: Any) -> None:
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise NotebookUtilsError(f"{file}: {section} is a list of tables, each [[{section}]].")
    for number, one in enumerate(entries, start=1):
        where = f"{file}: [[{section}]] number {number}"
        if not isinstance(one.get(NEEDED[section]), str):
            raise NotebookUtilsError(f"{where} needs {NEEDED[section]}, a text.")
        for key in one:
            if key not in KEYS[section]:
                raise NotebookUtilsError(f"{where}: {key!r} means nothing. It may have: {', '.join(KEYS[section])}.")


def entries(section: str) -> Iterator[Entry]:
    for file in files():
        for values in content(file).get(section, []):
            yield Entry(file, values)


def tables(section: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for file in files():
        yield file, content(file).get(section, {})


# ------------------------------------------------------------------------------------------------ what was used
def note_used(what: str, name: str, file: str) -> None:
    """For the report: names, never values."""
    note({"mock": what, "name": name, "file": file})


def missing(what: str, name: str, lines: str, file: str = "", where: str = "") -> MockMissing:
    """`lines` is what to add. Noted too, since a notebook may catch the exception."""
    file = file or file_to_add_to()
    note({"mock": what, "name": name, "file": file, "missing": True})
    return MockMissing(
        f"There is no mock for {what} {name}, and with mocks nothing else is asked. Add to {file}"
        f"{where or ':'}\n\n{indented(lines)}\n"
    )


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def note(use: Dict[str, Any]) -> None:
    line = json.dumps(use).encode("ascii") + b"\n"
    # One write of few bytes at the end: several Pythons of a session share the file.
    descriptor = os.open(settings()["used"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


# ------------------------------------------------------------------------------------------------ tokens and secrets
def token(audience: str, short: str) -> str:
    for file, tokens in tables("tokens"):
        for key in (audience, short):
            if isinstance(tokens.get(key), str):
                note_used("token", short, file)
                value: str = tokens[key]
                return value
    line = f'{quoted(short)} = "a token for tests"'
    raise missing("token", short, *below("[tokens]", "tokens", line))


def secret(vault: str, name: str, vault_name: Any) -> str:
    """`vault_name` makes a name of a vault's name or URL."""
    wanted = vault_name(vault)
    for file, vaults in tables("vaults"):
        for key, secrets in vaults.items():
            if vault_name(key) == wanted and isinstance(secrets, dict) and isinstance(secrets.get(name), str):
                note_used("secret", f"{wanted}/{name}", file)
                value: str = secrets[name]
                return value
    line = f'{quoted(name)} = "a secret for tests"'
    raise missing("secret", f"{wanted}/{name}", *below(f"[vaults.{quoted(wanted)}]", "vaults", line, wanted))


def below(header: str, section: str, line: str, key: str = "") -> Tuple[str, str, str]:
    """(lines, file, words behind the file): TOML has each table once, so a file that has it gets the line beneath its header."""
    for file, found in tables(section):
        if file.endswith(".toml") and (key in found if key else found):
            return line, file, f", below {header}:"
    return f"{header}\n{line}", "", ""


def quoted(text: str) -> str:
    """A TOML string of one line."""
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(one if one >= " " and one != "\x7f" else f"\\u{ord(one):04x}" for one in escaped)


def quoted_table(values: Dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{quoted(key)} = {quoted(str(value))}" for key, value in values.items()) + " }"


# ------------------------------------------------------------------------------------------------ in a session
def install() -> None:
    """Once, before user code runs."""
    if not is_active():
        return
    from notebookutils import _mock_http, _mock_semantic_link, _mock_spark

    for module in (_mock_http, _mock_semantic_link, _mock_spark):
        module.install()
