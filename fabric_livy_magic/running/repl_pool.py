"""The further REPLs of a high-concurrency session: acquired one after the other, used again, released with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession, ReplClient
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.waiting import interruptible_sleep

CANCEL_SETTLES_S = 1.0  # most cancels are done by then; a REPL takes seconds to acquire, and one of five places


class HasRemote(Protocol):
    @property
    def remote(self) -> StandardSession: ...


R = TypeVar("R", bound=HasRemote)


class ReplPool(Generic[R]):
    """`make` wraps an acquired REPL and its number. Safe to use from several threads."""

    def __init__(self, first: HighConcurrencySession, make: Callable[[HighConcurrencySession, int], R]) -> None:
        self._first, self._make = first, make
        self.repls: list[R] = []
        self._acquiring = threading.Lock()

    def get(self, number: int, timeout_s: float) -> R:
        """From 1. Acquires as many as are missing; each may take `timeout_s`."""
        with self._acquiring:
            while len(self.repls) < number:
                self.repls.append(self._make(self._first.acquire_another(timeout_s=timeout_s), len(self.repls) + 1))
            return self.repls[number - 1]

    def idle_in_application(self, is_needed: Callable[[], bool], timeout_s: float) -> R | None:
        """One of the same Spark application that runs nothing; else one acquired, if it is still needed a moment later. None
        where the application is full: the next REPL would begin another application, which costs as much again."""
        for repl in [*self.repls]:
            if repl.remote.running_statements == 0 and self._shares_application(repl):
                return repl
        interruptible_sleep(CANCEL_SETTLES_S)
        if not is_needed():
            return None
        acquired = self.get(len(self.repls) + 1, timeout_s)
        if self._shares_application(acquired):
            return acquired
        self.release(acquired)
        return None

    def release(self, repl: R) -> None:
        """Ends one that is not to be used again. Does nothing for a REPL of another pool."""
        if repl in self.repls and isinstance(repl.remote, HighConcurrencySession):
            self.repls.remove(repl)
            self._first.release(repl.remote)

    def _shares_application(self, repl: R) -> bool:
        client = repl.remote.client
        return isinstance(client, ReplClient) and client.application_id == self._first.client.application_id
