"""Imports of this package and of what it needs never come from the working folder.

A notebook's kernel looks for modules in the notebook's folder first. That is meant for the user's own cells; a repository
that has a `requests.py` or a `notebookutils.py` must not run it because a Tab was pressed, or because a cell of ours loads
its HTTP library with the first use.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = __name__.partition(".")[0]
# Belongs to the thread, and to those that we start from it: what the user's own threads import meanwhile is theirs.
_is_off: contextvars.ContextVar[bool] = contextvars.ContextVar("working_folder_is_off", default=False)


@contextlib.contextmanager
def no_working_folder() -> Iterator[None]:
    """Within it, this thread imports from installed packages only."""
    install()
    token = _is_off.set(True)
    try:
        yield
    finally:
        _is_off.reset(token)


@contextlib.contextmanager
def working_folder() -> Iterator[None]:
    """Within `no_working_folder`: what runs here is the user's own code."""
    token = _is_off.set(False)
    try:
        yield
    finally:
        _is_off.reset(token)


def install() -> None:
    """From now on the modules of this package, wherever they are first imported, load what they need from installed packages
    only. The second time it does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.startswith(f"{PACKAGE}."):
            spec = _found(self, name, path, target)
            if spec is not None and isinstance(spec.loader, importlib.abc.Loader):
                spec.loader = _Loader(spec.loader)
            return spec
        if path is not None or not _is_off.get():
            return None
        spec = _found(self, name, None, target)
        if spec is None and _found(self, name, None, target, sys.path) is not None:  # by the finders after this one
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec


def _found(
    own: _Finder,
    name: str,
    path: Sequence[str] | None,
    target: ModuleType | None,
    folders: Sequence[str] | None = None,
) -> importlib.machinery.ModuleSpec | None:
    """By the other finders; those that know sys.path get it without the working folder, or get `folders`."""
    for finder in sys.meta_path:
        if finder is own or not hasattr(finder, "find_spec"):
            continue
        where = path
        if finder is importlib.machinery.PathFinder and path is None:
            where = installed_folders(sys.path) if folders is None else folders
        spec = finder.find_spec(name, where, target)
        if spec is not None:
            return spec
    return None


def installed_folders(folders: Sequence[str], working_folder: str | None = None) -> list[str]:
    """Those of sys.path that are neither the working folder nor relative to it. One within it stays: it was put there by
    whoever started this Python, as the site-packages of a virtual environment in a project."""
    try:
        here = _real(str(Path.cwd()) if working_folder is None else working_folder)
    except FileNotFoundError:  # it was deleted, and nothing can be imported from it
        here = ""
    return [folder for folder in folders if Path(folder).is_absolute() and _real(folder) != here]


@cache
def _real(folder: str) -> str:
    return os.path.normcase(os.path.realpath(folder))


class _Loader(importlib.abc.Loader):
    """Runs a module's body without the working folder."""

    def __init__(self, inner: importlib.abc.Loader) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # get_source, get_resource_reader, …
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._inner
        if module.__spec__ is not None:
            module.__spec__.loader = (
                self._inner
            )  # whoever asks the module for its source or resources finds the usual one
        with no_working_folder():
            self._inner.exec_module(module)
