"""The jobs of a statement and the logs, from Fabric's monitoring of Spark. Nobody waits for it, and it takes no call from anybody, unless
a person has asked for it.

Paths: learn.microsoft.com/fabric/data-engineering/open-source-apis ("exactly as Spark's History Server"), and driver-log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from fabric_livy_magic.errors import (
    AccessError,
    AnswerTooLarge,
    FabricLivyError,
    HttpError,
    NotFoundError,
    NotLivyError,
    ThrottledError,
)
from fabric_livy_magic.livy.client import path_part
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.spark_jobs import SparkWork, Stage, first_new_job, jobs_of, own_jobs, stages_of

MOST_BYTES = 16 * 1024 * 1024  # of one answer: Spark keeps 1,000 jobs and 1,000 stages
MANY_STAGES = 200  # of an application: from then on only what runs is asked for, until the statement has ended
ASKED_WITHIN_S = 45.0  # a person waits; Spark loads its monitoring with the first call
AFTER_TROUBLE_S = (30.0, 120.0, 600.0)
AFTER_429_S = 60.0
MOST_NOT_FOUND = 2  # statements: the monitoring may see a new session late


class Monitored(NamedTuple):
    """`app_id` is empty where the session does not say it, `repl_id` where the session is one REPL."""

    livy_id: str
    app_id: str
    repl_id: str = ""


class SparkMonitoring:
    """Of one session; shared by its statements, so that what was refused to one is not asked for again by the next."""

    def __init__(
        self,
        http: LivyHttp,
        monitored: Callable[[], Monitored],
        clock: Callable[[], float] = time.monotonic,
        *,
        is_asked: bool = False,
    ) -> None:
        """`is_asked`: a person waits for its answers."""
        self._http = http
        self._monitored = monitored
        self._clock = clock
        self._is_asked = is_asked
        self._root = monitoring_root(http.base_url)
        self._app_id = ""
        self._not_before_s = float("-inf")
        self._troubles = 0
        self._not_found = 0
        self.is_refused = not self._root
        """Then nothing is asked any more."""
        self.has_driver_log = True
        """As far as is known."""

    @property
    def may_ask(self) -> bool:
        return not self.is_refused and self._clock() >= self._not_before_s and self._http.has_sign_in

    @property
    def is_near(self) -> bool:
        return self._http.is_loopback

    def jobs_of(self, statement_id: int) -> StatementJobs:
        return StatementJobs(self, statement_id)

    @property
    def repl_id(self) -> str:
        return self._monitored().repl_id

    def get(self, below: str, **query: Any) -> Any:
        """Below the Spark application. Raises FabricLivyError, after it has noted whether to ask again."""
        try:
            answer = self._get(f"/applications/{path_part(self.application())}{below}", query)
        except FabricLivyError as error:
            self._note(error)
            raise
        self._troubles = self._not_found = 0
        return answer

    def driver_log(self, **query: Any) -> Any:
        """Of its standard output, or another `fileName`: what is said of it, with `isDownload` its bytes (`RawAnswer`). Raises
        FabricLivyError, of which it takes no note: where the jobs are told, the log may not be."""
        return self._log(self.application(), {"type": "driver", "fileName": "stdout", **query})

    def livy_log(self, **query: Any) -> Any:
        """Of the session's Livy: as `driver_log`."""
        return self._log("none", {"type": "livy", **query})

    def executor_logs(self) -> Any:
        """What is said of the logs of all containers."""
        return self._log(self.application(), {"type": "executor", "meta": "true"})

    def executor_log(self, container_id: str, file_name: str, size_bytes: int) -> bytes:
        """Its beginning: the API takes no offset."""
        query = {"type": "executor", "containerId": container_id, "fileName": file_name, "size": size_bytes}
        return bytes(self._log(self.application(), query, is_raw=True).content)

    def _log(self, application: str, query: dict[str, Any], *, is_raw: bool = False) -> Any:
        http = self._http.raw() if is_raw or "isDownload" in query else self._http
        return self._get(f"/applications/{path_part(application)}/logs", query, http)

    def _get(self, below: str, query: dict[str, Any] | None = None, http: LivyHttp | None = None) -> Any:
        http = (http or self._http).at(self._root).for_list(MOST_BYTES)
        http = http.briefly(ASKED_WITHIN_S) if self._is_asked else http.spare()
        return http.get(f"/livySessions/{path_part(self._monitored().livy_id)}{below}", query or None)

    def run(self) -> Any:
        """The session or batch as the list of runs has it. Raises FabricLivyError."""
        return self._get("")

    def application(self) -> str:
        """Some states of a session do not name it, and those of a REPL never do."""
        if not self._app_id:
            self._app_id = self._monitored().app_id or str(_field(self._get(""), "sparkApplicationId") or "")
        if not self._app_id:
            raise NotFoundError(f"{self._http.base_url} does not name the session's Spark application.", status=404)
        return self._app_id

    def _note(self, error: FabricLivyError) -> None:
        if isinstance(error, ThrottledError):
            if error.status:  # else it was our own budget that had none to spare
                self._not_before_s = self._clock() + (error.retry_after_s or AFTER_429_S)
        elif isinstance(error, NotFoundError):
            self._not_found += 1
            self.is_refused = self._not_found >= MOST_NOT_FOUND
        elif isinstance(error, AccessError | NotLivyError | AnswerTooLarge) or _is_refusal(error):
            self.is_refused = True
        else:
            pause_s = AFTER_TROUBLE_S[min(self._troubles, len(AFTER_TROUBLE_S) - 1)]
            self._troubles += 1
            self._not_before_s = self._clock() + pause_s


class StatementJobs:
    """See `JobsOfStatement`. Safe to use from several threads."""

    def __init__(self, monitoring: SparkMonitoring, statement_id: int) -> None:
        self._monitoring = monitoring
        self._statement_id = statement_id
        self._lock = threading.Lock()
        self._first_new: int | None = None
        self._stages: dict[tuple[int, int], Stage] = {}  # as they were last seen
        self._was_not_found = False
        self.is_postponed = False

    @property
    def may_ask(self) -> bool:
        return self._monitoring.may_ask and not self._was_not_found

    @property
    def is_near(self) -> bool:
        return self._monitoring.is_near

    def ask(self, *, is_final: bool = False) -> SparkWork | None:
        with self._lock:
            self.is_postponed = False
            if not self.may_ask:
                return None
            try:
                return self._ask(is_final)
            except NotFoundError:
                self._was_not_found = True
            except ThrottledError as error:
                self.is_postponed = error.status is None
            except FabricLivyError:
                pass  # the monitoring has noted it; progress is no reason to fail
            return None

    def _ask(self, is_final: bool) -> SparkWork:
        jobs = jobs_of(self._monitoring.get("/jobs"))
        if self._first_new is None:
            self._first_new = first_new_job(jobs)
        own = own_jobs(jobs, self._statement_id, self._monitoring.repl_id, self._first_new, names_groups=self.is_near)
        wanted = {stage for job in own for stage in job.stage_ids}
        if wanted:
            many = max(stage for job in jobs for stage in job.stage_ids or (0,)) > MANY_STAGES
            query = {"status": "active"} if many and not is_final else {}
            found = stages_of(self._monitoring.get("/stages", **query))
            self._stages |= {(stage.id, stage.attempt): stage for stage in found if stage.id in wanted}
        stages = sorted(self._stages.items())
        return SparkWork(tuple(own), tuple(stage for key, stage in stages if key[0] in wanted), is_final)


def _is_refusal(error: FabricLivyError) -> bool:
    status = error.status if isinstance(error, HttpError) else 401  # SignInError: nobody is asked to sign in for this
    return status is not None and 300 <= status < 500 and status not in {408, 409, 425}


def monitoring_root(livy_url: str) -> str:
    """The lakehouse's part of the Livy address; empty for a server that is no Fabric."""
    at = livy_url.lower().find("/livyapi/")
    return livy_url[:at] if at > 0 and "/lakehouses/" in livy_url[:at].lower() else ""


def _field(answer: Any, key: str) -> Any:
    return answer.get(key) if isinstance(answer, dict) else None
