"""Many pieces of code over a few REPLs, side by side."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from fabric_livy_magic.errors import FabricLivyError, Interrupted, StatementError
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.results import Result

Run = Callable[[str, Listener], Result]
_LOG = logging.getLogger(__name__)


class FanOut:
    """`repl(0)` must be there; the others join as they are acquired, and where one cannot be had the rest do its work."""

    def __init__(self, codes: Sequence[str], repl: Callable[[int], Run]) -> None:
        self._codes, self._repl = codes, repl
        self._left = iter(range(len(codes)))
        self._taking = threading.Lock()
        self._ending = threading.Event()
        self._interrupted = threading.Event()
        self._results: dict[int, Result] = {}
        self._errors: dict[int, BaseException] = {}

    def run(self, repls: int) -> list[Result]:
        """In the order of the codes. After an error nothing more is begun; the first one is raised once what runs has ended."""
        count = min(repls, len(self._codes))
        threads = [threading.Thread(target=self._work, args=(one,), daemon=True) for one in range(count)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.1)
        except KeyboardInterrupt:
            self._interrupted.set()
            self._ending.set()
            for thread in threads:
                thread.join(2.0)
            raise Interrupted(f"{len(self._results)} of {len(self._codes)} had ended; the rest is cancelled.") from None
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._results[index] for index in range(len(self._codes))]

    def _work(self, number: int) -> None:
        try:
            run = self._repl(number)
        except FabricLivyError as error:  # such as a full capacity
            _LOG.warning("REPL %d could not be had (%s); the others do its work", number, type(error).__name__)
            return
        while (index := self._next()) is not None:
            try:
                self._results[index] = run(self._codes[index], self._hear)
            except BaseException as error:  # noqa: BLE001 - raised by `run` of the fan-out
                self._errors[index] = error
                self._ending.set()
                if not isinstance(error, StatementError):
                    return

    def _next(self) -> int | None:
        with self._taking:
            return None if self._ending.is_set() else next(self._left, None)

    def _hear(self, progress: Progress) -> None:
        if self._interrupted.is_set():
            raise KeyboardInterrupt
