"""The life of a batch: submitted once, waited for, and why it ended."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fabric_livy_magic.errors import (
    AccessError,
    BatchFailed,
    HttpError,
    Interrupted,
    NotFoundError,
    NotLivyError,
    WaitTimeout,
)
from fabric_livy_magic.livy.batch_request import BatchSpec
from fabric_livy_magic.livy.capacity import wait_for_capacity
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.creation import LOOKUP_PAUSES_S
from fabric_livy_magic.livy.endings import last_log_lines
from fabric_livy_magic.livy.models import BatchInfo, BatchState, Progress
from fabric_livy_magic.livy.retries import may_have_acted
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, Listener
from fabric_livy_magic.livy.waiting import SESSION_PAUSES, interruptible_sleep, result_within, wait_until

# A batch may not be visible right after its submission, as a session.
NEW_BATCH_404_S = 30.0


@dataclass(frozen=True)
class Commands:
    """How a person calls `batch`, or with `line` another command, where they are, for messages: `end` is what each command needs
    besides, such as a target."""

    start: str
    end: str = ""

    def __call__(self, words: str) -> str:
        return self.line(f"batch {words}")

    def line(self, words: str) -> str:
        return f"`{self.start} {words}{self.end}`"


NOTEBOOK, TERMINAL = Commands("%livy"), Commands("fabric-livy")


def new_batch_name(stem: str) -> str:
    """One that no other batch has. Livy takes no name of digits alone."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:40] or "batch"
    return f"{plain}-{uuid.uuid4().hex[:12]}"


@dataclass
class BatchSubmission:
    """The request for one batch. It is posted once: where the answer was lost, the batch is looked for by its name, and never posted
    again, since a job that runs twice may write twice. Of a chosen name, which others may use, those count that were not there
    before."""

    client: LivyClient
    spec: BatchSpec
    own_name: str
    commands: Commands = NOTEBOOK
    on_progress: Listener | None = None
    sleep: Callable[[float], None] = interruptible_sleep
    _known_ids: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.spec.session.name or self.own_name

    def send(self, *, capacity_wait_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> BatchInfo:
        """Raises HttpError: where the server may have acted, its text says so. CapacityError after `capacity_wait_s`."""
        try:
            if self.spec.session.name:
                self._known_ids = {info.id for info in self._of_this_name(self.client)}
            return wait_for_capacity(
                self._post,
                self.client,
                wait_s=capacity_wait_s,
                subject="batch",
                on_progress=self.on_progress,
                clock=clock,
                sleep=self.sleep,
            )
        except KeyboardInterrupt:
            unknown = f"It is not known whether it was submitted: {self._by_list('shows')}"
            raise Interrupted(result_within(self._what_became, ANSWER_WAIT_S, unknown)) from None

    def _post(self) -> BatchInfo:
        spec = replace(self.spec, session=replace(self.spec.session, name=self.name))
        client = self.client.reporting_to(self.on_progress, "batch")
        try:
            return client.create_batch(spec)
        except HttpError as error:
            if not may_have_acted(error):
                raise
            return self._find_submitted(client, error)

    def _find_submitted(self, client: LivyClient, error: HttpError) -> BatchInfo:
        """The batch whose answer was lost."""
        try:
            for wait_s in LOOKUP_PAUSES_S:
                if wait_s:
                    client.http.wait(wait_s, f"{error} Looking whether it arrived", self.sleep)
                if len(found := self._of_this_name(self.client)) == 1:
                    return found[0]
        except (NotLivyError, NotFoundError, AccessError):
            raise error from None  # no such server, or no access: then there is no batch, either
        except HttpError:
            raise error.and_also(
                f"It is not known whether the batch was submitted: {self._by_list('shows')} Look there before you submit it again."
            ) from error
        if found:
            raise error.and_also(
                f"There are {len(found)} new batches of the name {self.name!r}: {self._by_list('shows')}"
            ) from error
        raise error.and_also(
            f"The list of batches has none that came of it, so it was most likely not submitted. Submit it again; should it come up "
            f"after all, {self._by_list('shows')}"
        ) from error

    def _of_this_name(self, client: LivyClient) -> list[BatchInfo]:
        return [info for info in client.list_batches() if info.name == self.name and info.id not in self._known_ids]

    def _by_list(self, shows: str) -> str:
        return f"{self.commands('list')} {shows} it by its name {self.name!r}."

    def _what_became(self) -> str:
        """After an interrupt: the request may have arrived."""
        for wait_s in LOOKUP_PAUSES_S[:2]:
            self.sleep(wait_s)
            try:
                found = self._of_this_name(self.client.with_short_timeouts())
            except HttpError:
                break
            if found:
                return goes_on(found[0].id, self.commands)
        return f"It is not listed so far. If it was submitted, {self._by_list('shows')}"


def goes_on(batch_id: str, commands: Commands) -> str:
    return (
        f"The batch goes on (id {batch_id}). {commands(f'wait {batch_id}')} waits for it again, "
        f"{commands(f'cancel {batch_id}')} cancels it."
    )


def wait_for_batch(
    client: LivyClient,
    first: BatchInfo,
    *,
    commands: Commands = NOTEBOOK,
    timeout_s: float | None = None,
    on_progress: Listener | None = None,
    on_look: Callable[[BatchInfo], None] = lambda info: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> BatchInfo:
    """The batch as it ended, whatever its end. After `timeout_s` WaitTimeout; neither that nor an interrupt ends the batch.
    `on_look` gets each state that was read, the last one as well."""
    began = clock()
    client = client.reporting_to(on_progress, "batch")
    client = client if timeout_s is None else client.within(timeout_s)
    latest = first

    def fetch() -> BatchInfo:
        nonlocal latest
        try:
            latest = client.get_batch(first.id)
        except NotFoundError:
            if clock() - began > NEW_BATCH_404_S or latest.state.has_ended or latest is not first:
                raise _gone(first.id, commands) from None
        on_look(latest)
        return latest

    def report(value: BatchInfo, elapsed_s: float) -> None:
        if on_progress:
            on_progress(Progress("batch", value.state.value, elapsed_s, detail=value.start_detail))

    try:
        return wait_until(
            fetch,
            lambda value: value.state.has_ended,
            first=None if first.state.has_ended else first,
            timeout_s=timeout_s,
            pauses=SESSION_PAUSES,
            on_wait=report,
            clock=clock,
            sleep=sleep,
        )
    except WaitTimeout:
        raise WaitTimeout(
            f"The batch had not ended after {timeout_s:g} s (state: {state_text(latest.state)}). {goes_on(first.id, commands)}"
        ) from None
    except KeyboardInterrupt:
        raise Interrupted(f"The wait was interrupted. {goes_on(first.id, commands)}") from None


def _gone(batch_id: str, commands: Commands) -> NotFoundError:
    return NotFoundError(
        f"There is no batch {batch_id} on this server: it was cancelled, or is no longer kept. {commands('list')} lists those "
        "that there are.",
        status=404,
    )


def get_batch(client: LivyClient, batch_id: str, commands: Commands = NOTEBOOK) -> BatchInfo:
    """Raises NotFoundError, with what to do, for an unknown id."""
    try:
        return client.get_batch(batch_id)
    except NotFoundError:
        raise _gone(batch_id, commands) from None


def state_text(state: BatchState) -> str:
    return state.value.replace("_", " ")


_EXIT_CODE = re.compile(r"\bexit ?(?:code|status|value)[ :=]*(-?\d+)", re.IGNORECASE)


def exit_code_of(info: BatchInfo) -> int | None:
    """Of the program, as far as the server's reason or its log says it; the contract has no field for it."""
    for text in (info.reason, *reversed(info.log)):
        if found := _EXIT_CODE.search(text):
            return int(found[1])
    return None


def raise_for_end(info: BatchInfo, log: list[str], link: str = "") -> None:
    """Raises BatchFailed where it did not succeed."""
    if info.state is BatchState.SUCCESS:
        return
    who = f"Batch {info.name or info.id}"
    what = "was cancelled" if info.state.was_cancelled else f"failed (state: {state_text(info.state)})"
    reason = f" The server says: {info.reason}" if info.reason else ""
    shown = "" if info.state.was_cancelled else last_log_lines(log, info.reason)
    place = f"\nIts run: {link}" if link else ""
    raise BatchFailed(f"{who} {what}, id {info.id}.{reason}{shown}{place}")
