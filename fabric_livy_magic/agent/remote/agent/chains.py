"""What a chain such as `df.groupBy("a").` leads to, without calling anything: values as far as they are there, then the
types that the functions' annotations promise. PySpark's are annotated throughout."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from typing import Any, NamedTuple

from . import display

OPENS = {")": "(", "]": "["}


class Known(NamedTuple):
    """A value, or where `is_type` what type it will be."""

    value: Any
    is_type: bool = False


def chain_before(text: str) -> str:
    """The expression that ends where the text ends: names, dots, calls and subscripts."""
    text = text.rstrip()
    begin = len(text)
    if text.endswith(("'", '"')):
        return text[max(0, text.rfind(text[-1], 0, -1)) :]
    while begin:
        last = text[begin - 1]
        if last in OPENS:
            opened = opening(text, begin - 1)
            if opened < 0:
                break
            begin = opened
        elif (
            last.isalnum()
            or last in "_."
            or (last.isspace() and (text[begin:].lstrip().startswith(".") or text[:begin].rstrip().endswith(".")))
        ):
            begin -= 1
        else:
            break
    return text[begin:].strip()


def opening(text: str, end: int) -> int:
    """Where the bracket that is closed at `end` was opened; -1 where it was not. Brackets in quotes do not count."""
    depth, quote, at = 0, "", end
    while at >= 0:
        one = text[at]
        if quote:
            quote = "" if one == quote and text[at - 1 : at] != "\\" else quote
        elif one in "'\"":
            quote = one
        elif one in ")]}":
            depth += 1
        elif one in "([{":
            depth -= 1
            if not depth:
                return at
        at -= 1
    return -1


def known_of(namespace: dict[str, Any], expression: str) -> Known | None:
    try:
        tree = ast.parse(f"({expression})", mode="eval")
    except (SyntaxError, ValueError):
        return None
    try:
        return resolve(namespace, tree.body)
    except Exception:  # noqa: BLE001 - a property or an annotation of somebody's class
        return None


def resolve(namespace: dict[str, Any], node: ast.AST) -> Known | None:
    if isinstance(node, ast.Name):
        missing = object()
        value = namespace.get(node.id, getattr(builtins, node.id, missing))
        return None if value is missing else Known(value)
    if isinstance(node, ast.Constant):
        return Known(node.value)
    if isinstance(node, ast.Attribute):
        owner = resolve(namespace, node.value)
        return None if owner is None else attribute(owner, node.attr)
    if isinstance(node, ast.Call):
        called = resolve(namespace, node.func)
        return None if called is None else result_of(called.value)
    if isinstance(node, ast.Subscript):
        return item(resolve(namespace, node.value), node.slice)
    return None


def attribute(owner: Known, name: str) -> Known | None:
    """A property is not called where its annotation tells enough: it may start a job, or cost a call into the JVM."""
    member = inspect.getattr_static(owner.value, name, None)
    if isinstance(member, property) and member.fget is not None:
        promised = result_of(member.fget)
        if promised is not None or owner.is_type:
            return promised
    return Known(getattr(owner.value, name))


def result_of(called: Any) -> Known | None:
    if isinstance(called, type):
        return Known(called, is_type=True)
    function = inspect.unwrap(getattr(called, "__func__", called))
    promised = getattr(function, "__annotations__", {}).get("return")
    if isinstance(promised, str):
        promised = annotated(promised, function.__module__)
    promised = getattr(promised, "__origin__", promised)
    return Known(promised, is_type=True) if isinstance(promised, type) else None


def annotated(text: str, module: str) -> Any:
    """What an annotation names. A library may import the name for its type checker alone: then another module of it has it."""
    try:
        return eval(text, vars(sys.modules[module]))  # noqa: S307 - an annotation of a library
    except NameError:
        package = module.split(".", 1)[0] + "."
        homes = [one for name, one in list(sys.modules.items()) if name.startswith(package)]
        return next((vars(home)[text] for home in homes if isinstance(vars(home).get(text), type)), None)


def item(owner: Known | None, index: ast.AST) -> Known | None:
    if owner is None:
        return None
    index = getattr(index, "value", index) if type(index).__name__ == "Index" else index  # Python 3.8
    if owner.is_type:
        return result_of(getattr(owner.value, "__getitem__", None))
    if display.is_spark_frame(owner.value):
        return result_of(type(owner.value).__getitem__) or result_of(type(owner.value).__getattr__)
    if isinstance(owner.value, (dict, list, tuple)) and isinstance(index, ast.Constant):
        return Known(owner.value[index.value])  # type: ignore[index]
    return None
