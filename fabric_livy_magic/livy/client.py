"""One method per REST endpoint of Livy; never waits. The two dialects, Fabric and Apache Livy, differ only here.

A new endpoint is one method of `LivyClient`, with a test in `tests/livy` against the server of `tests/support/fakes.py`.

Paths and shapes: the published Fabric Livy swagger (2023-12-01) and Apache Livy's rest-api.md.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from fabric_livy_magic.errors import AnswerTooLarge, NotFoundError, NotLivyError, TakenWithoutId
from fabric_livy_magic.livy.answers import Accepted, Taken
from fabric_livy_magic.livy.batch_request import BatchSpec
from fabric_livy_magic.livy.exchange import MIB
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.jobs import JobInfo
from fabric_livy_magic.livy.models import BatchInfo, Progress, SessionInfo, StatementInfo
from fabric_livy_magic.livy.target_words import OF_APACHE_LIVY, OF_FABRIC
from fabric_livy_magic.settings import SessionSpec

DO_AS = "doAs"  # of whom the session is then, where the server lets this account impersonate
PAST_ALL = 1_000_000  # a session keeps 100 statements
MOST_STATEMENTS = 200  # of those looked through, whatever number a server names
PAGE_SIZE = 100
LIVE_LINE = "[live fabric-livy "  # in a driver's log: an output of a cell, for the notebook alone
MOST_PAGES = 100
MOST_LIST_BYTES = 64 * MIB
_Model = TypeVar("_Model", SessionInfo, StatementInfo, BatchInfo)
_Listed = TypeVar("_Listed", SessionInfo, BatchInfo)


class Dialect(Enum):
    FABRIC = "Fabric"
    APACHE_LIVY = "Apache Livy"


WORDS = {Dialect.FABRIC: OF_FABRIC, Dialect.APACHE_LIVY: OF_APACHE_LIVY}


class LivyClient:
    """Calls to one Livy base URL. Every method may raise HttpError."""

    def __init__(self, http: LivyHttp, dialect: Dialect = Dialect.FABRIC) -> None:
        self.http = http.speaking(WORDS[dialect])
        self.dialect = dialect

    def with_short_timeouts(self) -> LivyClient:
        """See `LivyHttp.with_short_timeouts`."""
        other = copy.copy(self)
        other.http = self.http.with_short_timeouts()
        return other

    def once(self, timeout_s: float) -> LivyClient:
        """See `LivyHttp.once`."""
        other = copy.copy(self)
        other.http = self.http.once(timeout_s)
        return other

    def within(self, timeout_s: float) -> LivyClient:
        """See `LivyHttp.within`."""
        other = copy.copy(self)
        other.http = self.http.within(timeout_s)
        return other

    def reporting_to(self, listener: Callable[[Progress], None] | None, subject: str) -> LivyClient:
        """See `LivyHttp.reporting_to`."""
        other = copy.copy(self)
        other.http = self.http.reporting_to(listener, subject)
        return other

    def create_session(
        self, spec: SessionSpec, on_late_answer: Callable[[SessionInfo | None], None] | None = None
    ) -> SessionInfo:
        """`on_late_answer`: see `LivyHttp.post`."""
        answer = self.http.post(
            as_another("/sessions", spec),
            session_body(spec),
            on_late_answer=parse_late_answer(SessionInfo, on_late_answer),
        )
        return SessionInfo.from_json(self.made(answer, "a session"))

    def get_session(self, session_id: str) -> SessionInfo:
        return SessionInfo.from_json(self._object(self.http.get(self.session_path(session_id)), "a session"))

    def list_sessions(self) -> list[SessionInfo]:
        """All sessions of this endpoint that are visible to the account."""
        return self._listed("/sessions", "sessions", SessionInfo)

    def _listed(self, path: str, what: str, model: type[_Listed]) -> list[_Listed]:
        found: dict[str, _Listed] = {}
        http, start = self.http.for_list(MOST_LIST_BYTES), 0
        for _ in range(MOST_PAGES):
            page = self._object(http.get(path, self._page_parameters(start)), f"a list of {what}")
            items = page.get("items", page.get("sessions"))
            items = items if isinstance(items, list) else []
            infos = [model.from_json(item) for item in items if isinstance(item, Mapping)]
            if infos and all(info.id in found for info in infos):
                raise NotLivyError(
                    f"{http.base_url} repeats a page of its list of {what}. It may be changing: try again."
                )
            found.update((info.id, info) for info in infos)
            start += len(items)
            total = page.get("totalCountOfMatchedItems", page.get("total"))
            if not items or len(items) < PAGE_SIZE or (isinstance(total, int) and start >= total):
                return list(found.values())
        by_id = "`%livy attach <id>`" if model is SessionInfo else "`%livy batch show <id>`"
        raise AnswerTooLarge(
            f"{http.base_url} lists more than {MOST_PAGES * PAGE_SIZE:,} {what}; the rest was not read. Take one by its id: "
            f"{by_id}."
        )

    def delete_session(self, session_id: str) -> bool:
        """True if it existed. A session that is gone already (404) counts as deleted."""
        try:
            self.http.delete(self.session_path(session_id))
        except NotFoundError:
            return False
        return True

    def session_log(self, session_id: str) -> list[str]:
        """Fabric has no log call: its session carries the log's end. Apache Livy gives up to 1,000 lines."""
        if self.dialect is Dialect.FABRIC:
            return [line for line in self.get_session(session_id).log if not line.startswith(LIVE_LINE)]
        return self._log(self.session_path(session_id), {"from": -1, "size": 1000})

    def reset_timeout(self, session_id: str) -> None:
        """Restarts the session's idle time. Apache Livy has no such call (NotFoundError)."""
        self.http.post(f"{self.session_path(session_id)}/reset-timeout", {}, idempotent=True)

    def submit_statement(
        self,
        session_id: str,
        code: str,
        kind: str,
        source_id: str,
        on_late_answer: Callable[[StatementInfo | None], None] | None = None,
    ) -> StatementInfo:
        """`source_id` is chosen by the caller and comes back with the statement, so that it can be found again. Apache Livy
        refuses fields it does not know, so it is not sent there. `on_late_answer`: see `LivyHttp.post`."""
        body = {"code": code, "kind": kind}
        if self.dialect is Dialect.FABRIC:
            body["sourceId"] = source_id
        answer = self.http.post(
            self.statements_path(session_id), body, on_late_answer=parse_late_answer(StatementInfo, on_late_answer)
        )
        if isinstance(answer, Taken) and not answer.made_id.isdecimal():
            answer = {}  # what follows is asked for by number
        return StatementInfo.from_json(self.made(answer, "a statement"))

    def get_statement(self, session_id: str, statement_id: int) -> StatementInfo:
        path = f"{self.statements_path(session_id)}/{statement_id}"
        return StatementInfo.from_json(self._object(self.http.get(path), "a statement"))

    def newest_statements(self, session_id: str) -> Iterator[StatementInfo]:
        """From the newest back, one call for each: all outputs in one answer may be more than the 50 MiB that Livy's
        driver can send, and a Livy session never answers again after that. Fabric has no pages here: it gives all at once."""
        path = self.statements_path(session_id)
        total, infos = self._statements(path, PAST_ALL)
        for position in () if infos else range(total - 1, max(-1, total - 1 - MOST_STATEMENTS), -1):
            yield from self._statements(path, position)[1]
        yield from infos

    def _statements(self, path: str, position: int) -> tuple[int, list[StatementInfo]]:
        answer = self._object(self.http.get(path, {"from": position, "size": 1}), "a list of statements")
        found, total = answer.get("statements"), answer.get("total_statements")
        items = [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []
        infos = sorted(map(StatementInfo.from_json, items), key=lambda info: info.id, reverse=True)
        return total if isinstance(total, int) else len(infos), infos

    def cancel_statement(self, session_id: str, statement_id: int) -> None:
        self.http.post(f"{self.statements_path(session_id)}/{statement_id}/cancel", {}, idempotent=True)

    def candidates(self, session_id: str, kind: str, code: str, cursor: int) -> list[str]:
        """The completions of Livy itself; Fabric has none (NotFoundError)."""
        body = {"kind": kind, "code": code, "cursor": cursor}
        path = f"{self.session_path(session_id)}/completion"
        found = self._object(self.http.post(path, body, idempotent=True), "a completion")
        candidates = found.get("candidates")
        return [str(one) for one in candidates] if isinstance(candidates, list) else []

    def submit_job(self, session_id: str, pickled: bytes) -> str:
        """Runs a function of one argument in the session's Python, beside the statement that runs; gives the job's id. Apache Livy
        alone has it."""
        body = {"job": base64.b64encode(pickled).decode("ascii"), "jobType": "pyspark"}
        answer = self.http.post(f"{self.session_path(session_id)}/submit-job", body)
        return str(self.made(answer, "a job")["id"])

    def get_job(self, session_id: str, job_id: str) -> JobInfo:
        path = f"{self.session_path(session_id)}/jobs/{path_part(job_id)}"
        return JobInfo.from_json(self._object(self.http.get(path), "a job"))

    def cancel_job(self, session_id: str, job_id: str) -> None:
        """Livy waits for it no longer. What it runs goes on."""
        self.http.post(f"{self.session_path(session_id)}/jobs/{path_part(job_id)}/cancel", {}, idempotent=True)

    def create_batch(
        self, spec: BatchSpec, on_late_answer: Callable[[BatchInfo | None], None] | None = None
    ) -> BatchInfo:
        """`on_late_answer`: see `LivyHttp.post`."""
        answer = self.http.post(
            as_another("/batches", spec.session),
            batch_body(spec),
            on_late_answer=parse_late_answer(BatchInfo, on_late_answer),
        )
        return BatchInfo.from_json(self.made(answer, "a batch"))

    def get_batch(self, batch_id: str) -> BatchInfo:
        return BatchInfo.from_json(self._object(self.http.get(self.batch_path(batch_id)), "a batch"))

    def list_batches(self) -> list[BatchInfo]:
        """All batches of this endpoint that are visible to the account."""
        return self._listed("/batches", "batches", BatchInfo)

    def cancel_batch(self, batch_id: str) -> None:
        """Fabric keeps it listed, with its log; Apache Livy has it no more. NotFoundError where there is none."""
        self.http.delete(self.batch_path(batch_id))

    def batch_log(self, batch_id: str) -> list[str]:
        """What the server keeps of both streams, below `stdout: ` and `stderr: `. Fabric has no log call: its batch carries the
        log's end. Apache Livy keeps 200 lines of each, so that a line's number says nothing later."""
        if self.dialect is Dialect.FABRIC:
            return list(self.get_batch(batch_id).log)
        return self._log(self.batch_path(batch_id), {"from": 0, "size": -1})

    def _log(self, path: str, part: Mapping[str, int]) -> list[str]:
        lines = self._object(self.http.get(f"{path}/log", part), "a log").get("log")
        return [str(line) for line in lines] if isinstance(lines, list) else []

    def batch_path(self, batch_id: str) -> str:
        return f"/batches/{path_part(batch_id)}"

    def session_path(self, session_id: str) -> str:
        return f"/sessions/{path_part(session_id)}"

    def statements_path(self, session_id: str) -> str:
        return f"{self.session_path(session_id)}/statements"

    def _page_parameters(self, start: int) -> dict[str, Any]:
        if self.dialect is Dialect.FABRIC:
            return {"$top": str(PAGE_SIZE), "$skip": str(start)}  # text in the contract
        return {"from": start, "size": PAGE_SIZE}

    def made(self, answer: Any, what: str) -> Mapping[str, Any]:
        """What a POST made: all of it, or its id alone where only the Location says it. Raises TakenWithoutId."""
        if isinstance(answer, Taken) and answer.made_id:
            return {"id": answer.made_id}
        if isinstance(answer, Taken | Accepted) or answer == {}:
            raise TakenWithoutId(
                f"{self.http.base_url} took the request for {what}, and did not say which one it made."
            )
        return self._object(answer, what, needs="id")

    def _object(self, answer: Any, what: str, needs: str = "") -> Mapping[str, Any]:
        if isinstance(answer, Mapping) and (not needs or answer.get(needs) is not None):
            return answer
        raise NotLivyError(f"{self.http.base_url} answered with JSON that is not {what}. {self.http.words.address}")


def path_part(text: str) -> str:
    """Of an address: an id that came from a server or a user leads to no other path."""
    return quote(text, safe="", errors="replace")


def session_body(spec: SessionSpec) -> dict[str, Any]:
    """The body of POST /sessions: only what was chosen, since one key too many costs Fabric's starter pool."""
    body = {
        "name": spec.name,
        "conf": {str(key): str(value) for key, value in spec.conf.items()},
        "tags": dict(spec.tags),
        "driverMemory": spec.driver_memory,
        "driverCores": spec.driver_cores,
        "executorMemory": spec.executor_memory,
        "executorCores": spec.executor_cores,
        "numExecutors": spec.num_executors,
        **{key: value for key, value in spec.livy.items() if key != DO_AS},
    }
    return {key: value for key, value in body.items() if value}


def as_another(path: str, spec: SessionSpec) -> str:
    """The one word of Apache Livy's request that is a parameter of its address."""
    who = spec.livy.get(DO_AS)
    return f"{path}?{urlencode({DO_AS: who})}" if who else path


def batch_body(spec: BatchSpec) -> dict[str, Any]:
    """The body of POST /batches: only what was chosen."""
    files = {"jars": spec.jars, "pyFiles": spec.py_files}
    body = {"file": spec.file, "className": spec.class_name, "args": list(spec.args)}
    body |= {key: list(paths) for key, paths in files.items()}
    return {key: value for key, value in body.items() if value} | session_body(spec.session)


def parse_late_answer(
    model: type[_Model], on_late_answer: Callable[[_Model | None], None] | None
) -> Callable[[Any], None] | None:
    """`on_late_answer` for an answer's JSON: it gets None where the JSON has no id."""
    if on_late_answer is None:
        return None

    def on_answer(answer: Any) -> None:
        made = {"id": answer.made_id} if isinstance(answer, Taken) and answer.made_id else answer
        on_late_answer(model.from_json(made) if isinstance(made, Mapping) and made.get("id") is not None else None)

    return on_answer
