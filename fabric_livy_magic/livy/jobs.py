"""Jobs of Apache Livy: a function that a session's Python runs beside the statement that runs. Read to their end, since Livy forgets a job
when its end was read, and cancelled where nobody waits for them any more."""

from __future__ import annotations

import base64
import binascii
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.livy.waiting import Pauses, interruptible_sleep, wait_until

PAUSES = Pauses(first_s=0.02, share=0.3, most_s=0.5)  # a job of ours takes some milliseconds
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class JobInfo:
    """`result` is what the function gave, pickled by the session's Python: data, that nobody unpickles."""

    state: str = "UNKNOWN"
    result: bytes = field(default=b"", repr=False)
    error: str = ""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return cls(str(raw.get("state")), _decoded(raw.get("result")), str(raw.get("error") or ""))

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


class JobClient(Protocol):
    """See `LivyClient`."""

    def submit_job(self, session_id: str, pickled: bytes) -> str: ...
    def get_job(self, session_id: str, job_id: str) -> JobInfo: ...
    def cancel_job(self, session_id: str, job_id: str) -> None: ...


class JobFailed(FabricLivyError):  # noqa: N818 - what happened
    """The function raised, could not be read, or was cancelled."""


def run_job(
    client: JobClient,
    session_id: str,
    pickled: bytes,
    *,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> bytes:
    """The pickled result. Raises JobFailed, WaitTimeout, HttpError: also where the server has no jobs."""
    job_id = client.submit_job(session_id, pickled)
    try:
        ended = wait_until(
            lambda: client.get_job(session_id, job_id),
            lambda job: job.has_ended,
            timeout_s=timeout_s,
            what=f"job {job_id}",
            pauses=PAUSES,
            clock=clock,
            sleep=sleep,
        )
    except BaseException:  # also an interrupt; it is raised again
        with contextlib.suppress(FabricLivyError):
            client.cancel_job(session_id, job_id)
        raise
    if ended.state != "SUCCEEDED":
        raise JobFailed(ended.error or f"Job {job_id} is {ended.state}.")
    return ended.result


def _decoded(value: Any) -> bytes:
    """Twice base64: Python's text, as the bytes of a JSON answer. Empty where it is something else."""
    try:
        return (
            base64.b64decode(base64.b64decode(value, validate=True), validate=True) if isinstance(value, str) else b""
        )
    except (binascii.Error, ValueError):
        return b""
