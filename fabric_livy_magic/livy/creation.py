"""Creates a session exactly once: one POST; where its answer is lost, the session is searched by its name."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fabric_livy_magic.errors import (
    AccessError,
    FabricLivyError,
    HttpError,
    NotFoundError,
    NotLivyError,
    TakenWithoutId,
)
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.models import Progress, SessionInfo
from fabric_livy_magic.livy.retries import RetryPolicy, may_have_acted
from fabric_livy_magic.livy.waiting import interruptible_sleep, run_in_background
from fabric_livy_magic.settings import SessionSpec

NAME_PREFIX = "fabric-livy-magic-"  # of sessions for which no name was chosen
NOT_CREATED = "No session is known to have been made. If the server makes one after all, it is stopped at once; `%livy sessions` lists them."
NOT_STOPPED = (
    "The session that was asked for (id {id}) could not be stopped yet: {error} It is told to stop once more, if this process "
    "still runs; `%livy sessions` lists it."
)
MAYBE_CREATED = "It is not known whether session {name!r} was made: `%livy sessions` lists those that there are, `%livy attach <id>` takes one."
WAS_CREATED = "It may run and cost: `%livy sessions` lists it by its name {name!r}, `%livy attach <id>` takes it, and `%livy stop` stops it then."
STOPPED_WHEN_LISTED = "It is stopped as soon as it is listed, if this process still runs."
LOOKUP_PAUSES_S = (0.0, 1.0, 2.0, 4.0)  # a list of sessions may lag behind
MOST_REQUESTS = 3  # a session costs money, and a fourth request would fail, too


def new_name() -> str:
    """One that no other session has."""
    return f"{NAME_PREFIX}{uuid.uuid4().hex[:12]}"


@dataclass
class Creation:
    """The request for one session. Without a chosen name it gets a unique one, by which the session is found where its answer
    was lost, and stopped after an interrupt."""

    client: LivyClient
    spec: SessionSpec
    on_progress: Callable[[Progress], None] | None = None
    sleep: Callable[[float], None] = interruptible_sleep
    timeout_s: float | None = None
    """For `request`: the call, and the search for the session where its answer was lost."""
    own_name: str = field(default_factory=new_name)
    _lost_answers: int = 0
    """Number of requests that may have arrived although no usable answer came."""

    def request(self) -> SessionInfo:
        """Raises HttpError: where the server may have acted, its text says so. WaitTimeout after `timeout_s`."""
        spec, pauses = replace(self.spec, name=self.spec.name or self.own_name), RetryPolicy().pauses()
        limited = self.client if self.timeout_s is None else self.client.within(self.timeout_s)
        reporting_client = limited.reporting_to(self.on_progress, "session")
        while True:
            try:
                return reporting_client.create_session(spec, self._stop_unwanted)
            except HttpError as error:
                if not may_have_acted(error):
                    raise
                is_made = isinstance(error, TakenWithoutId)
                if self.spec.name:  # others may have sessions of that name
                    raise error.and_also(
                        (WAS_CREATED if is_made else MAYBE_CREATED).format(name=self.spec.name)
                    ) from error
                self._lost_answers += 1
                if found := self._find_created(limited, reporting_client, error):
                    return found
                if is_made:
                    run_in_background(self.stop_when_listed, "stop")
                    raise error.and_also(f"{WAS_CREATED.format(name=self.own_name)} {STOPPED_WHEN_LISTED}") from error
                if self._lost_answers >= MOST_REQUESTS:
                    raise error.and_also("The list of sessions has none that came of it.") from error
                reporting_client.http.wait(next(pauses), str(error), self.sleep)

    def _find_created(self, limited: LivyClient, reporting_client: LivyClient, error: HttpError) -> SessionInfo | None:
        """The session whose answer was lost; None where the list of sessions does not have it."""
        try:
            for wait_s in LOOKUP_PAUSES_S:
                if wait_s:
                    reporting_client.http.wait(wait_s, f"{error} Looking whether it arrived", self.sleep)
                if found := self._find_by_own_name(limited):
                    return found[0]
        except HttpError as failed_lookup:
            if isinstance(error, TakenWithoutId):
                raise error.and_also(WAS_CREATED.format(name=self.own_name)) from error
            if isinstance(failed_lookup, NotLivyError | NotFoundError | AccessError):
                raise error from None  # no such server, or no access: then no session was created, either
            raise error.and_also(MAYBE_CREATED.format(name=self.own_name)) from error
        return None

    def _find_by_own_name(self, client: LivyClient) -> list[SessionInfo]:
        return [info for info in client.list_sessions() if info.name == self.own_name]

    def stop_duplicates(self, kept_id: str) -> None:
        """After a repeated request: the first one may have arrived, too."""
        if not self._lost_answers or self.spec.name:
            return
        with contextlib.suppress(
            FabricLivyError
        ):  # the requested session is ready, and a failure here must not hide that
            for info in self._find_by_own_name(self.client.with_short_timeouts()):
                if info.id != kept_id:
                    self.client.with_short_timeouts().delete_session(info.id)

    def give_up(self) -> str:
        """After an interrupt: stops the session if it was created, and returns a sentence about it."""
        quick_client = self.client.with_short_timeouts()
        found: list[SessionInfo] = []
        try:
            found = [] if self.spec.name else self._find_by_own_name(quick_client)
            for one in found:
                quick_client.delete_session(one.id)
        except HttpError as error:
            run_in_background(self.stop_when_listed, "stop")
            return NOT_STOPPED.format(id=found[0].id, error=error) if found else NOT_CREATED
        if not found and self._lost_answers:
            run_in_background(self.stop_when_listed, "stop")
        return "The session that was asked for was stopped." if found else NOT_CREATED

    def _stop_unwanted(self, info: SessionInfo | None) -> None:
        """For the answer that comes after an interrupt, None where the request failed. A failure here is not reported."""
        if info:
            with contextlib.suppress(FabricLivyError):
                self.client.delete_session(info.id)
        elif not self.spec.name:  # others may have sessions of that name
            self.stop_when_listed()

    def stop_when_listed(self) -> bool:
        """Stops it once it is listed: a request may arrive after its connection broke, and the list may lag behind. True if it was."""
        was_listed = False
        for wait_s in LOOKUP_PAUSES_S:
            self.sleep(wait_s)
            with contextlib.suppress(FabricLivyError):
                for one in self._find_by_own_name(self.client):
                    self.client.delete_session(one.id)
                    was_listed = True
        return was_listed
