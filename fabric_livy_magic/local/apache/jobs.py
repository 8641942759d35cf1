"""Jobs of Livy's Python client: pickled functions. Jobs of its Java client would need classes of Livy.

As in Livy they run in the session's Python at once, in a thread each, beside the statement that runs; and the cancel of one ends the
wait for it, not its code.
"""

from __future__ import annotations

import base64
import itertools
from collections import OrderedDict
from typing import Any
from weakref import WeakKeyDictionary

from fabric_livy_magic.local.apache import request_parsing
from fabric_livy_magic.local.apache.handler import LONG_BITS, java_number
from fabric_livy_magic.local.apache.python_tasks import PythonTask, submit_to_python
from fabric_livy_magic.local.apache.refusals import requirement, thrown
from fabric_livy_magic.local.apache.sessions import SessionHandler
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.sessions.session import Session

KEPT_JOBS = 100


class Jobs:
    """Of all sessions. Each session's numbers begin at 1, as in Livy."""

    def __init__(self) -> None:
        self._by_session: WeakKeyDictionary[Session, OrderedDict[int, PythonTask]] = WeakKeyDictionary()
        self._numbers: WeakKeyDictionary[Session, itertools.count[int]] = WeakKeyDictionary()

    def number(self, session: Session) -> int:
        return next(self._numbers.setdefault(session, itertools.count(1)))

    def keep(self, session: Session, number: int, task: PythonTask) -> None:
        kept = self._by_session.setdefault(session, OrderedDict())
        kept[number] = task
        while len(kept) > KEPT_JOBS:
            kept.popitem(last=False)[1].forget()

    def get(self, session: Session, number: int) -> PythonTask | None:
        return self._by_session.get(session, OrderedDict()).get(number)


class JobHandler(SessionHandler):
    def initialize(self, server: Server, jobs: Jobs) -> None:  # type: ignore[override]
        super().initialize(server)
        self.jobs = jobs

    async def active_session(self, id_or_name: str) -> Session:
        session = self.known_session(id_or_name)
        await self.active_repl(session)
        if not session.active:
            raise requirement("Session isn't active.")
        session.touch()
        return session


class SubmitJobHandler(JobHandler):
    """`submit-job` and `run-job`, which differ for jobs of Java alone."""

    async def post(self, id_or_name: str) -> None:
        request = request_parsing.read_job(self.json_text)
        session = self.known_session(id_or_name)
        pickled = request.checked()
        if request.job_type != "pyspark":
            raise requirement(
                f"this server runs jobs of type pyspark only, not {request.job_type}: the others need Livy's own classes."
            )
        session = await self.active_session(id_or_name)
        number = self.jobs.number(session)
        text = base64.b64encode(pickled).decode("ascii")
        self.jobs.keep(session, number, submit_to_python(session, self.repl_of(session), "job", text))
        self.answer(_status(number, "SENT"), 201)


class OneJobHandler(JobHandler):
    async def get(self, id_or_name: str, job_id: str) -> None:
        number = java_number(job_id, LONG_BITS)
        task = self.jobs.get(await self.active_session(id_or_name), number)
        if task is None:
            raise thrown("java.util.NoSuchElementException", f"key not found: {number}")
        reply = task.reply()
        if task.was_cancelled or reply is None:
            self.answer(_status(number, "CANCELLED" if task.was_cancelled else "STARTED"))
        elif "error" in reply:
            self.answer(_status(number, "FAILED", error=f"java.lang.Exception: Client job error:{reply['error']}"))
        else:
            coded = base64.b64encode(reply["result"].encode("ascii")).decode("ascii")  # twice, as Livy's client expects
            self.answer(_status(number, "SUCCEEDED", result=coded))


class CancelJobHandler(JobHandler):
    async def post(self, id_or_name: str, job_id: str) -> None:
        number = java_number(job_id, LONG_BITS)
        session = await self.active_session(id_or_name)
        if (task := self.jobs.get(session, number)) and task.reply() is None:
            task.was_cancelled = True
        self.answer_nothing(200)


def _status(number: int, state: str, result: str | None = None, error: str | None = None) -> dict[str, Any]:
    return {"id": number, "state": state, "result": result, "error": error}
