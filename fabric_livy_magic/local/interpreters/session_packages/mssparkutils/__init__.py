"""The older name of `notebookutils`, on its own: `import mssparkutils`."""

from __future__ import annotations

from typing import Any

from notebookutils import mssparkutils

__path__ = mssparkutils.__path__


def __getattr__(name: str) -> Any:
    return getattr(mssparkutils, name)


def __dir__() -> list[str]:
    return dir(mssparkutils)
