"""The texts of the package's source: what its errors say, and all texts that may give advice. A value that is put in is `{…}`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fabric_livy_magic import errors
from tests.support.rooms import PACKAGE

ERRORS = {
    name: one
    for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, errors.FabricLivyError | errors.Interrupted)
}
PUT_IN = "{…}"


@dataclass(frozen=True)
class Text:
    file: Path
    line: int
    text: str

    @property
    def where(self) -> str:
        return f"{self.file.relative_to(PACKAGE).as_posix()}:{self.line}"


@cache
def trees() -> Mapping[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def texts() -> tuple[Text, ...]:
    return tuple(_texts())


def _texts() -> Iterator[Text]:
    """All string literals but docstrings, each as far as it is written in one expression."""
    for path, tree in trees().items():
        docs = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        inner = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docs | inner:
                text = written(node, {})
                if text:
                    yield Text(path, node.lineno, text)


def messages() -> Mapping[str, list[str]]:
    """What each error of the package is made with, as far as the source says it: by error, in the order of its text."""
    found: dict[str, set[str]] = {name: set() for name in ERRORS}
    for tree in trees().values():
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
                text = " ".join(written(node.args[0], constants).split())
                if text.replace(PUT_IN, "").strip(" .:,;"):
                    found[node.func.id].add(text)
    return {name: sorted(of, key=str.casefold) for name, of in found.items() if of}


def _constants(tree: ast.Module) -> Mapping[str, str]:
    """The module's own names of texts."""
    found: dict[str, str] = {}
    for node in tree.body:
        is_name = isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        if is_name and (text := written(node.value, found)):
            found[node.targets[0].id] = text
    return found


def written(node: ast.expr, constants: Mapping[str, str]) -> str:
    """The text of an expression, with `{…}` for what is known at run time; empty where it is none."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(written(part, constants) or PUT_IN for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name):
            return constants.get(name, "")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            before, after = written(left, constants), written(right, constants)
            return f"{before or PUT_IN}{after or PUT_IN}" if before or after else ""
        case ast.IfExp(body=one, orelse=other):
            return written(one, constants) or written(other, constants)
    return ""
