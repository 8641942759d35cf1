"""What runs in a session of the embedded Fabric and will not on Fabric, found without running the notebook.

Only what is known to differ is told: a warning that is wrong costs more than one that is missing.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from fabric_livy_magic.notebooks.fabric_notebooks import is_fabric_notebook
from fabric_livy_magic.notebooks.fabric_runtime import FabricRuntime, distribution_of, installed_version
from fabric_livy_magic.notebooks.need import HERE_ONLY, Need
from fabric_livy_magic.notebooks.notebook_code import NotebookCode
from fabric_livy_magic.notebooks.package_needs import RESOURCES, installed_by, is_of_service
from fabric_livy_magic.notebooks.portal_features import FABRIC_HOSTS
from fabric_livy_magic.notebooks.python_code import PREDEFINED, SEMANTIC_LINK
from fabric_livy_magic.notebooks.runtime_packages import has_package

# docs.python.org, "What's New": (module, name) → the first Python that has it. Only what a cell imports by its name.
NEW_IN = {
    ("itertools", "batched"): (3, 12),
    ("typing", "override"): (3, 12),
    ("typing", "TypeAliasType"): (3, 12),
    ("collections.abc", "Buffer"): (3, 12),
    ("typing", "ReadOnly"): (3, 13),
    ("typing", "TypeIs"): (3, 13),
    ("typing", "NoDefault"): (3, 13),
    ("warnings", "deprecated"): (3, 13),
    ("copy", "replace"): (3, 13),
    ("queue", "ShutDown"): (3, 13),
    ("compression", ""): (3, 14),
    ("annotationlib", ""): (3, 14),
    ("string.templatelib", ""): (3, 14),
    ("concurrent.interpreters", ""): (3, 14),
}
# The same: module → the first Python without it. distutils is left out: setuptools still brings it.
GONE_IN = {
    **dict.fromkeys(("asynchat", "asyncore", "imp", "smtpd"), (3, 12)),
    **dict.fromkeys(
        (
            "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "nis", "nntplib", "ossaudiodev",
            "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib",
        ),
        (3, 13),
    ),
}  # fmt: skip
_LOOPBACK = re.compile(
    r"(?:[a-z][a-z0-9+:.-]*:)?//(localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal)(?![\w.-])", re.I
)
# A folder of a user, or a drive of Windows. /home/trusted-service-user is Fabric's own.
_OWN_PATH = re.compile(
    r"(?:file:/*)?(?:/(?:home|Users)/(?!trusted-service-user\b)[\w.@{}-]+/\S|/mnt/[a-z]/\S|[A-Za-z]:[\\/][\w{}. ~-]{2})"
)
_QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"|`([^`\n]*)`")
_LAKEHOUSE_PATH = re.compile(r"(?:.*/)?((?:Files|Tables)/[^?*{}]*[^/?*{}])/*", re.IGNORECASE)
_CALLS_OF_REQUESTS = frozenset({"get", "post", "put", "patch", "delete", "request", "urlopen"})
WAITS = frozenset({"sleep", "Retry", "retry", "backoff"})
OWN_CALLS = frozenset({"run", "sql", "frame", "submit", "table"})


def portability_needs(
    code: NotebookCode, folder: Path, runtime: FabricRuntime, python: tuple[int, int] = sys.version_info[:2]
) -> Iterator[Need]:
    """`folder` is that of the notebook's cells, which has its resources."""
    if not is_fabric_notebook(code.notebook):  # its Python stays on this machine, and only what it sends is Fabric's
        for number, python_facts in code.facts.items():
            if python_facts.tree is not None:
                yield from _at(number, _loops(python_facts.tree))
        return
    paths: dict[str, tuple[str, int]] = {}
    for number, cell in code.cells.items():
        if cell.is_skipped:
            continue
        facts = code.facts.get(number)
        tree = facts.tree if facts else None
        if tree is None:
            texts = list(_texts_of_lines(cell.source)) if facts is None else []
        else:
            texts = list(_strings(tree))
            yield from _at(number, _syntax(tree, cell.source, runtime, python))
            yield from _at(number, _imports(code, tree, runtime, python))
            yield from _at(number, _loops(tree))
        yield from _at(number, _places(texts))
        yield from _at(number, _spellings(texts, paths, number))
        yield from _at(number, _resources(texts, folder))


Warned = tuple[str, str, int, str]
"""(what, name, line, text)"""


def _at(number: int, found: Iterator[Warned]) -> Iterator[Need]:
    told = set()
    for what, name, line, text in found:
        if (what, name) not in told:  # once in a cell: its first line
            told.add((what, name))
            yield Need(what, name, HERE_ONLY, f"line {line}: {text}", (number,))


# ------------------------------------------------------------------------------------------------ Python
def _version(runtime: FabricRuntime) -> tuple[int, int]:
    major, minor = runtime.python.split(".")
    return int(major), int(minor)


def _syntax(tree: ast.AST, source: str, runtime: FabricRuntime, python: tuple[int, int]) -> Iterator[Warned]:
    """What this Python reads and that of the runtime does not."""
    theirs = _version(runtime)
    if python <= theirs:
        return
    for node in ast.walk(tree):
        for name, since in _newer(node, source):
            if since > theirs:
                yield "Python", name, getattr(node, "lineno", 1), _newer_text(since, runtime)


def _newer(node: ast.AST, source: str) -> Iterator[tuple[str, tuple[int, int]]]:
    kind = type(node).__name__
    if kind == "TypeAlias":
        yield "the statement `type X = …`", (3, 12)
    if getattr(node, "type_params", None) and kind != "TypeAlias":
        yield "type parameters in brackets", (3, 12)
    if kind == "TemplateStr":
        yield "a t-string", (3, 14)
    if isinstance(node, ast.JoinedStr) and _quotes_its_own_quotes(node, source):
        yield "an f-string with its own quotes inside", (3, 12)


def _quotes_its_own_quotes(node: ast.JoinedStr, source: str) -> bool:
    text = ast.get_source_segment(source, node) or ""
    opening = re.match(r"[A-Za-z]*('''|\"\"\"|'|\")", text)
    if opening is None:
        return False
    inside = (
        ast.get_source_segment(source, one.value) or "" for one in node.values if isinstance(one, ast.FormattedValue)
    )
    return any(opening[1] in one for one in inside)


def _newer_text(since: tuple[int, int], runtime: FabricRuntime) -> str:
    return f"from Python {since[0]}.{since[1]} on; Fabric's {runtime.name} has Python {runtime.python}. Write it as that one reads it"


def _imports(code: NotebookCode, tree: ast.AST, runtime: FabricRuntime, python: tuple[int, int]) -> Iterator[Warned]:
    theirs = _version(runtime)
    for module, name, line in _imported(tree):
        since = NEW_IN.get((module, name)) or NEW_IN.get((module, ""))
        if since and theirs < since <= python:
            yield "Python", f"{module}.{name}".rstrip("."), line, _newer_text(since, runtime)
        gone = GONE_IN.get(module.partition(".")[0])
        if gone and python < gone <= theirs:
            text = f"not in Python {gone[0]}.{gone[1]} any more; Fabric's {runtime.name} has Python {runtime.python}. Use another module"
            yield "Python", module, line, text
        if _is_brought_by_nobody(code, module, runtime):
            distribution = distribution_of(module)
            yield (
                "package",
                module.partition(".")[0],
                line,
                f"{distribution} is installed here and not in Fabric's {runtime.name}. `%pip install {distribution}` in the first cell, "
                "or an environment, brings it",
            )


def _imported(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """(module, name, line). An import that is tried, or of a branch, may be meant to fail."""
    for node in _outside_of(tree, (ast.Try, ast.If)):
        if isinstance(node, ast.Import):
            yield from ((one.name, "", node.lineno) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, one.name, node.lineno) for one in node.names)


def _outside_of(tree: ast.AST, kinds: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, kinds):
            yield node
            yield from _outside_of(node, kinds)


def _is_brought_by_nobody(code: NotebookCode, module: str, runtime: FabricRuntime) -> bool:
    """Of a notebook with an environment, that may bring it."""
    root = module.partition(".")[0]
    own = {
        *PREDEFINED,
        *RESOURCES,
        SEMANTIC_LINK,
        "pyspark",
        "delta",
        "py4j",
        "fabric_livy_magic",
        *code.written_modules,
    }
    if code.notebook.environment or root in own or root in sys.stdlib_module_names or is_of_service(module):
        return False
    distribution = distribution_of(module)
    here = installed_version(distribution) is not None
    return here and not has_package(runtime, distribution) and not installed_by(code, module)


# ------------------------------------------------------------------------------------------------ places
def _strings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Texts with their lines, but for what documents; of an f-string the pieces with `{}` between them."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts.update(map(id, node.values))
            pieces = [str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values]
            yield "".join(pieces), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented | parts:
            yield node.value, node.lineno


def _texts_of_lines(source: str) -> Iterator[tuple[str, int]]:
    """Of SQL and Scala: what is between quotes."""
    for line, text in enumerate(source.split("\n"), start=1):
        if not text.lstrip().startswith(("--", "//", "#")):
            for match in _QUOTED.finditer(text):
                yield next(filter(None, match.groups()), ""), line


def _places(texts: Sequence[tuple[str, int]]) -> Iterator[Warned]:
    for text, line in texts:
        if found := _LOOPBACK.match(text.strip()):
            yield (
                "place",
                found[1],
                line,
                "your machine is not there on Fabric: the session's own container is. Give the address of a server that Fabric reaches, "
                "as a parameter",
            )
        elif _OWN_PATH.match(text.strip()) and "\n" not in text:
            shown = text.strip() if len(text) <= MOST_CHARACTERS else f"{text.strip()[:MOST_CHARACTERS]}…"
            yield (
                "place",
                shown,
                line,
                "a folder of your machine, which Fabric does not have. Put the file into the lakehouse (Files/…) or beside the notebook "
                "(builtin/…)",
            )


MOST_CHARACTERS = 60


def _spellings(texts: Sequence[tuple[str, int]], paths: dict[str, tuple[str, int]], number: int) -> Iterator[Warned]:
    """Of one path in the lakehouse, over all cells: macOS and Windows take them for one, OneLake does not."""
    for text, line in texts:
        match = _LAKEHOUSE_PATH.fullmatch(text.strip()) if len(text) < 500 and "\n" not in text else None
        if match is None:
            continue
        path = match[1]
        first, cell = paths.setdefault(path.casefold(), (path, number))
        if path != first:
            text = (
                f"cell {cell} writes it {first}. On OneLake these are two places, as letter case counts there; a disk of macOS or Windows "
                "takes them for one. Write it the same everywhere"
            )
            yield "spelling", path, line, text


def _resources(texts: Sequence[tuple[str, int]], folder: Path) -> Iterator[Warned]:
    """A file beside the notebook by another letter case."""
    for text, line in texts:
        path = text.strip().removeprefix("./")
        if not path.startswith(tuple(f"{one}/" for one in RESOURCES)) or len(path) > 300 or "\n" in path:
            continue
        real = _as_on_disk(folder, path)
        if real and real != path:
            yield "spelling", path, line, f"the file is {real}, and letter case counts on Fabric. Write it as it is"


def _as_on_disk(folder: Path, path: str) -> str:
    """With the letter case that its folders have; empty where there is none."""
    names = []
    for word in path.split("/"):
        listed = [one.name for one in folder.iterdir()] if folder.is_dir() else []
        name = (
            word if word in listed else next((one for one in sorted(listed) if one.casefold() == word.casefold()), "")
        )
        if not name:
            return ""
        names.append(name)
        folder = folder / name
    return "/".join(names)


# ------------------------------------------------------------------------------------------------ loops
def _loops(tree: ast.AST) -> Iterator[Warned]:
    """Calls one by one that Fabric answers with 429: of its REST, and of a session by Livy."""
    sessions = _sessions(tree)
    for loop in ast.walk(tree):
        if not isinstance(loop, ast.For | ast.While | ast.AsyncFor) or _waits(loop):
            continue
        for node in ast.walk(loop):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in _CALLS_OF_REQUESTS and any(map(_is_of_fabric, ast.walk(node))):
                yield (
                    "loop",
                    "Fabric REST",
                    node.lineno,
                    "a call for each turn of the loop: Fabric answers many of them with 429. Ask once for a list, or wait as its "
                    "Retry-After says",
                )
            if name := _statement(node, sessions):
                yield (
                    "loop",
                    name,
                    node.lineno,
                    "a statement for each turn of the loop: each is several calls, which Fabric answers with 429. Put the loop into one "
                    "statement, or use session.map",
                )


def _statement(node: ast.Call, sessions: set[str]) -> str:
    """What sends one to a session by Livy; empty for any other call."""
    assert isinstance(node.func, ast.Attribute)
    if isinstance(node.func.value, ast.Name) and node.func.value.id in sessions and node.func.attr in OWN_CALLS:
        return f"{node.func.value.id}.{node.func.attr}"
    magic = str(getattr(node.args[0], "value", "")) if node.args else ""
    is_magic = node.func.attr in {"run_line_magic", "run_cell_magic"} and magic.startswith("livy_")
    return f"%{magic}" if is_magic else ""


def _waits(loop: ast.AST) -> bool:
    names = {getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(loop)}
    return bool(names & WAITS)


def _is_of_fabric(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(host in node.value for host in FABRIC_HOSTS)
    )


def _sessions(tree: ast.AST) -> set[str]:
    """Variables that `connect(…)` of this package gave."""
    imported = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "fabric_livy_magic"
        and any(one.name == "connect" for one in node.names)
        for node in ast.walk(tree)
    )
    if not imported:
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        value, names = None, []
        if isinstance(node, ast.Assign):
            value, names = node.value, node.targets
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            value, names = node.context_expr, [node.optional_vars]
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "connect":
            found.update(one.id for one in names if isinstance(one, ast.Name))
    return found
