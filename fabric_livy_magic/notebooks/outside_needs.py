"""What a notebook reaches outside of Spark and its lakehouses: the web, Fabric's own REST, secrets, other storage, databases."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fabric_livy_magic.notebooks.need import A_MOCK, TO_PROVIDE, Need
from fabric_livy_magic.notebooks.notebook_code import NotebookCode
from fabric_livy_magic.notebooks.portal_features import (
    DATABASE_PACKAGES,
    FABRIC_HOSTS,
    HTTP_PACKAGES,
    KUSTO_PACKAGES,
    STORAGE_SCHEMES,
    TOKEN_FUNCTIONS,
)
from fabric_livy_magic.notebooks.python_code import UTILITIES, PythonFacts

WEB = f"it needs the network, and what answers there; or {A_MOCK}"
REST = f"Fabric's own REST: the embedded Fabric has only what notebooks and lakehouses need of it; {A_MOCK}"
GIVEN_BY = f"from the file of FABRIC_LIVY_SECRETS, or FABRIC_LIVY_TOKEN_STORAGE and the like for tokens; or {A_MOCK}"
STORAGE = "storage outside of OneLake: it needs the network, a key, and Spark's package for it"
DATABASE = "a database: it needs the network, its driver and a sign-in"
KUSTO = "an Eventhouse: it needs the network and a sign-in"
THIS_MACHINE = ("localhost", "127.0.0.1", "0.0.0.0", "host.docker.internal")  # noqa: S104 - a name to find

_URL = re.compile(r"https?://([^/\s:?#{}'\"]*)", re.IGNORECASE)
_SHELL_DOWNLOAD = re.compile(r"\s*(wget|curl)\b")
# A scheme with an account behind it: `wasbs://box@account.…`, `abfss://box@account.dfs.…`, `s3a://bucket`, `jdbc:sqlserver:`.
_STORAGE = re.compile(rf"\b({'|'.join(STORAGE_SCHEMES)})://([^\s'\"`)]*)", re.IGNORECASE)
_DATABASE = re.compile(r"\bjdbc:(\w+):", re.IGNORECASE)
_JDBC_SQL = re.compile(r"\bUSING\s+(?:org\.apache\.spark\.sql\.)?jdbc\b", re.IGNORECASE)
_ONELAKE = re.compile(r"onelake\.|\.fabric\.microsoft\.com|^$|[{}]", re.IGNORECASE)
_TOKEN_AUDIENCE = re.compile(
    r"(storage|management|vault|database|.*\.vault)\.(azure\.com|azure\.net|windows\.net)", re.IGNORECASE
)


def outside_needs(code: NotebookCode) -> Iterator[Need]:
    for number, cell in code.cells.items():
        if cell.is_skipped:
            continue
        facts = code.facts.get(number)
        texts = sorted(facts.strings) if facts else [cell.source]
        for need in (*(_python_needs(facts) if facts else ()), *_text_needs(texts, in_python=facts is not None)):
            yield Need(need.what, need.name, need.verdict, need.text, (number,))


def _python_needs(facts: PythonFacts) -> Iterator[Need]:
    for what, packages, text in (
        ("HTTP", HTTP_PACKAGES, WEB),
        ("database", DATABASE_PACKAGES, DATABASE),
        ("Kusto", KUSTO_PACKAGES, KUSTO),
    ):
        for module in sorted(facts.modules):
            name = next((one for one in packages if f"{module}.".startswith(f"{one}.")), None)
            if name:
                yield Need(what, name, TO_PROVIDE, text)
    if any(name == "!" and _SHELL_DOWNLOAD.match(rest) for name, rest in facts.magics):
        yield Need("HTTP", "a download by the shell", TO_PROVIDE, WEB)
    for name in sorted(facts.names_read):
        function = name.removeprefix(f"{UTILITIES}.credentials.")
        if function != name and function.split(".")[0] in TOKEN_FUNCTIONS:
            yield Need("secret", function.split(".")[0], TO_PROVIDE, GIVEN_BY)
    if "jdbc" in facts.strings or "jdbc" in facts.attributes:
        yield Need("database", "jdbc", TO_PROVIDE, DATABASE)


def _text_needs(texts: list[str], *, in_python: bool) -> Iterator[Need]:
    """From strings of Python, or from the whole text of a cell in another language."""
    for text in texts:
        for match in _STORAGE.finditer(text):
            scheme, rest = match[1].lower(), match[2]
            host = rest.partition("@")[2].partition("/")[0] if "@" in rest else rest.partition("/")[0]
            if not (scheme.startswith("abfs") and _ONELAKE.search(host)):
                yield Need("storage", f"{scheme}://", TO_PROVIDE, STORAGE)
        for match in _DATABASE.finditer(text):
            yield Need("database", f"jdbc:{match[1].lower()}", TO_PROVIDE, DATABASE)
        if not in_python and _JDBC_SQL.search(text):
            yield Need("database", "jdbc", TO_PROVIDE, DATABASE)
        if in_python and (url := _URL.match(text)) and not _TOKEN_AUDIENCE.fullmatch(url[1]):
            if any(url[1].lower().endswith(host) for host in FABRIC_HOSTS):
                yield Need("Fabric REST", url[1].lower(), TO_PROVIDE, REST)
            elif url[1].lower() not in THIS_MACHINE:  # of which `portability` warns
                yield Need("HTTP", url[1].lower() or "an address", TO_PROVIDE, WEB)
