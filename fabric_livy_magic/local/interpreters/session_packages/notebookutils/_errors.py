"""What a notebook can meet here.

Every module of the package uses this one, under whichever name it was imported, so that `except` finds its class.
"""

from __future__ import annotations

from typing import Any, Dict, NoReturn


class NotebookUtilsError(RuntimeError):
    """What happened, what it means, what to do next."""


class ServiceNeeded(NotebookUtilsError):
    """Only Fabric itself can do it."""


class NoPlace(NotebookUtilsError):
    """A path names no place that there is here."""


class NotebookExit(Exception):
    """`notebook.exit(value)`: the notebook ends here, and not by an error. Its text is the value.

    As on Fabric it is an Exception: code that catches every Exception keeps its notebook from ending.
    """

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.value = value


class NotebookRunFailed(NotebookUtilsError):
    """The notebook that was run failed: which, in which cell, with what."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class RunMultipleFailedException(Exception):
    """At least one of the notebooks failed. `result` has all of them, as `runMultiple` returns it otherwise."""

    def __init__(self, message: str, result: Dict[str, Dict[str, Any]]) -> None:
        super().__init__(message)
        self.result = result


def refuse(what: str, why: str) -> NoReturn:
    raise ServiceNeeded(
        f"{what} needs the service: {why}. The embedded Fabric does not have it; it runs on Fabric itself."
    )


class Missing:
    """Stands for a module of which nothing is here. It can be looked at, and refuses to be used."""

    def __init__(self, name: str, about: str) -> None:
        self._name = name
        self._about = about

    def __repr__(self) -> str:
        return f"<{self._name}: not in the embedded Fabric>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def use(*_arguments: Any, **_named: Any) -> NoReturn:
            refuse(f"{self._name}.{name}", f"it is about {self._about}")

        return use
