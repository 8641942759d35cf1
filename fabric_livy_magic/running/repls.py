"""The REPLs beside a high-concurrency session: acquired one after the other, used again, given back with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession, ReplClient
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.waiting import nap

SETTLES_S = 1.0  # most cancels have done their work by then; a REPL takes seconds, and one of five places


class WithRemote(Protocol):
    @property
    def remote(self) -> StandardSession: ...


S = TypeVar("S", bound=WithRemote)


class Repls(Generic[S]):
    """`made` makes a session of the remote one with that number. Safe to use from several threads."""

    def __init__(self, first: HighConcurrencySession, made: Callable[[HighConcurrencySession, int], S]) -> None:
        self._first, self._made = first, made
        self.all: list[S] = []
        self._acquiring = threading.Lock()

    def get(self, number: int, timeout_s: float) -> S:
        """From 1. Acquires as many as are missing; each may take `timeout_s`."""
        with self._acquiring:
            while len(self.all) < number:
                self.all.append(self._made(self._first.beside(timeout_s=timeout_s), len(self.all) + 1))
            return self.all[number - 1]

    def spare(self, is_needed: Callable[[], bool], timeout_s: float) -> S | None:
        """One of the same Spark application that runs nothing; else one acquired, if it is still needed a moment later. None
        where the application is full, too: the next REPL begins another one, which would cost as much again."""
        for one in [*self.all]:
            if one.remote.running == 0 and self._shares_application(one):
                return one
        nap(SETTLES_S)
        if not is_needed():
            return None
        made = self.get(len(self.all) + 1, timeout_s)
        if self._shares_application(made):
            return made
        self.give_back(made)
        return None

    def give_back(self, one: S) -> None:
        """Ends one that is not to be used again. Of no effect on any other session."""
        if one in self.all and isinstance(one.remote, HighConcurrencySession):
            self.all.remove(one)
            self._first.give_back(one.remote)

    def _shares_application(self, one: S) -> bool:
        its = one.remote.client
        return isinstance(its, ReplClient) and its.application_id == self._first.client.application_id
