"""`help()` of each module: its functions with their signatures, from the functions themselves."""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType
from typing import Any, Callable, Sequence


def of_all(modules: Sequence[str]) -> None:
    print("notebookutils has, in the embedded Fabric:\n")
    for name in modules:
        module = importlib.import_module(f"notebookutils.{name}")
        print(f"  {name}: {first_line(module)}")
    print("\nUse notebookutils.<module>.help() to see what a module can do.")


def of_module(name: str) -> None:
    overview(importlib.import_module(f"notebookutils.{name}"))


def overview(module: ModuleType, method: str = "") -> None:
    functions = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    }
    if method and method not in functions:
        print(f"There is no {method!r}. There are: {', '.join(sorted(functions))}")
        return
    if not method:
        print(f"{module.__name__}: {inspect.getdoc(module) or ''}\n")
    for name, function in functions.items():
        if method in ("", name) and name != "help":
            print(f"{name}{signature(function)}")
            print(f"    {inspect.getdoc(function) if method else first_line(function)}")


def signature(function: Callable[..., Any]) -> str:
    """Without the quotes around annotations, which are texts by `from __future__ import annotations`."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))


def first_line(value: object) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]
