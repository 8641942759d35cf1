"""The older name of `notebookutils`, as a part of it: `from notebookutils import mssparkutils`."""

from __future__ import annotations

from typing import Any

import notebookutils

# `from notebookutils.mssparkutils.credentials import getSecret` finds that file, too. What such modules remember is in
# modules with an underscore, of which there is one each.
__path__ = [*notebookutils.__path__, f"{notebookutils.__path__[0]}/mssparkutils"]


def __getattr__(name: str) -> Any:
    if name == "handlers":
        import importlib

        return importlib.import_module("notebookutils.mssparkutils.handlers")
    return getattr(notebookutils, name)


def __dir__() -> list[str]:
    return dir(notebookutils)
