"""The value or type of an expression such as `df.groupBy("a")`, without calling anything: values as far as they exist, then
the return types of the functions' annotations. PySpark's functions are all annotated."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from typing import Any, NamedTuple

from . import display

OPENING = {")": "(", "]": "["}


class ValueOrType(NamedTuple):
    """A value, or, where `is_type`, the type that it would have."""

    value: Any
    is_type: bool = False


def expression_before(text: str) -> str:
    """The expression that ends where the text ends: names, dots, calls and subscripts."""
    text = text.rstrip()
    begin = len(text)
    if text.endswith(("'", '"')):
        return text[max(0, text.rfind(text[-1], 0, -1)) :]
    while begin:
        last = text[begin - 1]
        if last in OPENING:
            bracket = opening_bracket(text, begin - 1)
            if bracket < 0:
                break
            begin = bracket
        elif (
            last.isalnum()
            or last in "_."
            or (last.isspace() and (text[begin:].lstrip().startswith(".") or text[:begin].rstrip().endswith(".")))
        ):
            begin -= 1
        else:
            break
    return text[begin:].strip()


def opening_bracket(text: str, end: int) -> int:
    """The position of the bracket that is closed at `end`, -1 without one. Brackets in quotes do not count."""
    depth, quote, at = 0, "", end
    while at >= 0:
        character = text[at]
        if quote:
            quote = "" if character == quote and text[at - 1 : at] != "\\" else quote
        elif character in "'\"":
            quote = character
        elif character in ")]}":
            depth += 1
        elif character in "([{":
            depth -= 1
            if not depth:
                return at
        at -= 1
    return -1


def infer(namespace: dict[str, Any], expression: str) -> ValueOrType | None:
    try:
        tree = ast.parse(f"({expression})", mode="eval")
    except (SyntaxError, ValueError):
        return None
    try:
        return infer_node(namespace, tree.body)
    except Exception:  # noqa: BLE001 - a property or an annotation of somebody's class
        return None


def infer_node(namespace: dict[str, Any], node: ast.AST) -> ValueOrType | None:
    if isinstance(node, ast.Name):
        missing = object()
        value = namespace.get(node.id, getattr(builtins, node.id, missing))
        return None if value is missing else ValueOrType(value)
    if isinstance(node, ast.Constant):
        return ValueOrType(node.value)
    if isinstance(node, ast.Attribute):
        owner = infer_node(namespace, node.value)
        return None if owner is None else attribute(owner, node.attr)
    if isinstance(node, ast.Call):
        called = infer_node(namespace, node.func)
        return None if called is None else result_of(called.value)
    if isinstance(node, ast.Subscript):
        return item(infer_node(namespace, node.value), node.slice)
    return None


def attribute(owner: ValueOrType, name: str) -> ValueOrType | None:
    """A property with a return annotation is not called: it may start a job, or cost a call into the JVM."""
    member = inspect.getattr_static(owner.value, name, None)
    if isinstance(member, property) and member.fget is not None:
        returned = result_of(member.fget)
        if returned is not None or owner.is_type:
            return returned
    return ValueOrType(getattr(owner.value, name))


def result_of(called: Any) -> ValueOrType | None:
    if isinstance(called, type):
        return ValueOrType(called, is_type=True)
    function = inspect.unwrap(getattr(called, "__func__", called))
    returned = getattr(function, "__annotations__", {}).get("return")
    if isinstance(returned, str):
        returned = resolve_annotation(returned, function.__module__)
    returned = getattr(returned, "__origin__", returned)
    return ValueOrType(returned, is_type=True) if isinstance(returned, type) else None


def resolve_annotation(text: str, module: str) -> Any:
    """The type that an annotation names. A library may import the name for its type checker only: then another of its modules
    has it."""
    try:
        return eval(text, vars(sys.modules[module]))  # noqa: S307 - an annotation of a library
    except NameError:
        package = module.split(".", 1)[0] + "."
        modules = [one for name, one in list(sys.modules.items()) if name.startswith(package)]
        return next((vars(one)[text] for one in modules if isinstance(vars(one).get(text), type)), None)


def item(owner: ValueOrType | None, index: ast.AST) -> ValueOrType | None:
    if owner is None:
        return None
    index = getattr(index, "value", index) if type(index).__name__ == "Index" else index  # Python 3.8
    if owner.is_type:
        return result_of(getattr(owner.value, "__getitem__", None))
    if display.is_spark_frame(owner.value):
        return result_of(type(owner.value).__getitem__) or result_of(type(owner.value).__getattr__)
    if isinstance(owner.value, (dict, list, tuple)) and isinstance(index, ast.Constant):
        return ValueOrType(owner.value[index.value])  # type: ignore[index]
    return None
