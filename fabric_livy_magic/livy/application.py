"""What a person asks of one Spark application. It is sent at once and waited for, and each failure is a MonitoringError that says why.

On Fabric it goes through the monitoring API; on Apache Livy to Spark's own REST API, at the address of Spark's UI that Livy names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from fabric_livy_magic.errors import (
    AccessError,
    ConnectionFailed,
    HttpError,
    MonitoringError,
    NotFoundError,
    NotLivyError,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient, path_part
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.monitoring import ASKED_WITHIN_S, MOST_BYTES, Monitored, SparkMonitoring
from fabric_livy_magic.livy.spark_jobs import Stage, jobs_of, objects_of, stages_of
from fabric_livy_magic.livy.spark_report import (
    QUANTILES,
    SparkReport,
    StageDetail,
    TaskSpread,
    driver_cores_of,
    executors_of,
    tasks_of,
)

MOST_DETAILED = 5  # stages whose tasks are asked for: a call each, and one more where some failed or run
DETAILED_FROM_MS = 1500  # of all tasks of a stage: a quicker one is worth no call
MOST_TASKS = 50
NOT_AFFECTED = "The session and its cells are not affected."


class Application:
    """Of one session or batch. `ui_url` is that of Spark's UI, where Livy names it; `link` that of the Monitoring hub."""

    def __init__(
        self,
        client: LivyClient,
        monitored: Callable[[], Monitored],
        *,
        ui_url: str = "",
        link: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._monitored = monitored
        self._ui_url = ui_url if urlsplit(ui_url).scheme in {"http", "https"} else ""
        self._link = link
        self._clock = clock
        self.monitoring = SparkMonitoring(client.http, monitored, is_asked=True)
        """Of Fabric alone: see `is_fabric`."""

    @property
    def is_fabric(self) -> bool:
        return self._client.dialect is Dialect.FABRIC

    def report(self) -> SparkReport:
        """What it has done so far. Raises MonitoringError, SignInError."""
        with self.explained("its Spark application"):
            get, app_id = self._reads()
            jobs, stages = (
                jobs_of(get("/jobs")),
                sorted(stages_of(get("/stages")), key=lambda one: (one.id, one.attempt)),
            )
            executors = executors_of(get("/allexecutors"))
            has_driver_cores = any(one.cores for one in executors if one.is_driver)
            return SparkReport(
                app_id=app_id,
                read_at_s=self._clock(),
                jobs=tuple(jobs),
                stages=tuple(stages),
                executors=tuple(executors),
                details={(one.id, one.attempt): _detail(get, one) for one in _worth_a_look(stages)},
                driver_cores=0 if has_driver_cores else driver_cores_of(get("/environment")),
                link=self._link,
                ui_url=self._ui_url,
            )

    def _reads(self) -> tuple[Callable[..., Any], str]:
        if self.is_fabric:
            return self.monitoring.get, self.monitoring.application()
        if not self._ui_url:
            raise MonitoringError(
                f"{self._client.http.base_url} names no Spark UI for this session (appInfo.sparkUiUrl), as with Spark in local mode, so "
                "Spark cannot be asked. `%livy logs` shows the session's log."
            )
        http = self._http_of_ui()
        app_id = self._monitored().app_id or _first_application(http.get("/applications"))
        return lambda below, **query: http.get(f"/applications/{path_part(app_id)}{below}", query or None), app_id

    def _http_of_ui(self) -> LivyHttp:
        """Livy's own sign-in goes to Livy's own address alone."""
        root, own = f"{self._ui_url.rstrip('/')}/api/v1", self._client.http
        is_own = urlsplit(root)[:2] == urlsplit(own.base_url)[:2]
        http = own.at(root) if is_own else LivyHttp(root, verify=own.verify)
        return http.for_list(MOST_BYTES).briefly(ASKED_WITHIN_S)

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """`what` was asked for. A sign-in that is missing stays what it is."""
        try:
            yield
        except HttpError as error:
            if error.status == 401:
                raise
            raise MonitoringError(self._explanation(what, error), error.status) from error
        except WaitTimeout as error:
            raise MonitoringError(self._explanation(what, error)) from error

    def _explanation(self, what: str, error: HttpError | WaitTimeout) -> str:
        who = "Fabric's monitoring API" if self.is_fabric else "Spark's UI"
        place = f" Its page in the Monitoring hub: {self._link}" if self._link else ""
        if isinstance(error, AccessError):
            needs = (
                " It takes the permission to read the lakehouse, and of an own app registration Lakehouse.Read.All."
                if self.is_fabric
                else ""
            )
            text = f"{who} does not give {what} to this account ({error.status}).{needs}"
        elif isinstance(error, NotFoundError):
            text = f"{who} has no answer about {what}: {error} It shows a new session some time after its start, and forgets an old one."
        elif isinstance(error, NotLivyError):
            text = f"{who} answered about {what}, but with a page or something else that is no data. Does a proxy answer in its place?"
        elif isinstance(error, ConnectionFailed | WaitTimeout):
            text = f"{who} gave no answer about {what} in time: {error} Try again in a minute."
        else:
            text = f"{who} could not tell {what}: {error} Try again in a minute."
        return f"{text} {NOT_AFFECTED}{place}"


def _worth_a_look(stages: Sequence[Stage]) -> list[Stage]:
    """The latest that failed, and those that took the most time."""
    failed = [stage for stage in stages if stage.failed or stage.state == "failed"][-MOST_DETAILED:]
    slow = [one for one in stages if one.tasks > 1 and (one.task_ms >= DETAILED_FROM_MS or one.state == "active")]
    slow.sort(key=lambda one: (one.state == "active", one.task_ms), reverse=True)
    return list({(one.id, one.attempt): one for one in [*failed, *slow[:MOST_DETAILED]]}.values())


def _detail(get: Callable[..., Any], stage: Stage) -> StageDetail:
    below = f"/stages/{stage.id}/{stage.attempt}"

    def tasks(state: str) -> Any:
        return tasks_of(get(f"{below}/taskList", status=state, length=MOST_TASKS), stage.id, state)

    spread = StageDetail().spread
    if stage.done:
        with suppress(NotFoundError):  # none of its tasks has told what it measured
            spread = TaskSpread.from_json(get(f"{below}/taskSummary", quantiles=QUANTILES))
    return StageDetail(
        spread,
        running=tuple(tasks("running")) if stage.running else (),
        failed=tuple(tasks("failed")) if stage.failed else (),
    )


def _first_application(answer: Any) -> str:
    found = [str(one.get("id") or "") for one in objects_of(answer)]
    if not found or not found[0]:
        raise NotFoundError("Spark's UI lists no application.", status=404)
    return found[0]
