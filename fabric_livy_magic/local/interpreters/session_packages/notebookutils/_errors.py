"""The exceptions that notebooks see.

There is one copy of this module, also if the package is imported under another name, so that `except` finds the class.
"""

from __future__ import annotations

from typing import Any, Dict, NoReturn


class NotebookUtilsError(RuntimeError):
    """Its message has what happened, what it means and what to do next."""


class ServiceNeeded(NotebookUtilsError):
    """Only Fabric itself can do it."""


class NoPlace(NotebookUtilsError):
    """A path, workspace or lakehouse that is not available here."""


class NotebookExit(Exception):
    """`notebook.exit(value)`: the end of the notebook, without an error. Its text is the value.

    As on Fabric it is an Exception: code that catches every Exception keeps its notebook from ending.
    """

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.value = value


class CellEnd(BaseException):
    """Ends the cell without an error, also below an `except Exception`. Its text is for the person."""


class SessionStopped(CellEnd):
    """`session.stop()`: nothing of the notebook is left to run."""


class PythonRestarted(CellEnd):
    """`session.restartPython()`: the cells below go on with a Python that knows nothing."""


class NotebookRunFailed(NotebookUtilsError):
    """A child notebook failed. The message has its name, the cell and the error."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class RunMultipleFailedException(Exception):
    """At least one of the notebooks failed. `result` has those of all, as `runMultiple` returns them otherwise."""

    def __init__(self, message: str, result: Dict[str, Dict[str, Any]]) -> None:
        super().__init__(message)
        self.result = result


def refuse(what: str, why: str) -> NoReturn:
    raise ServiceNeeded(
        f"{what} needs the service: {why}. The embedded Fabric does not have it; it runs on Fabric itself."
    )


class ServiceOnlyModule:
    """In place of a module that only the service has. Its functions raise ServiceNeeded."""

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
