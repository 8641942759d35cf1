"""`runMultiple`: activities, their dependencies, and their parallel runs."""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Dict, List, NamedTuple, Protocol, Set

from notebookutils._errors import NotebookRunFailed, NotebookUtilsError

DEFAULT_TIMEOUT_S = 12 * 3600  # learn.microsoft.com: timeoutInSeconds of a DAG
POLL_INTERVAL_S = 0.1
EXIT_VALUE = re.compile(r"@activity\('([^']*)'\)\.exitValue\(\)")
KEYS = {
    "name", "path", "args", "timeoutPerCellInSeconds", "dependencies", "retry", "retryIntervalInSeconds", "workspace",
}  # fmt: skip

Result = Dict[str, Dict[str, Any]]


class Activity(NamedTuple):
    name: str
    path: str
    args: Dict[str, Any]
    timeout_s: float
    dependencies: List[str]
    retry: int
    retry_interval_s: float
    workspace: str


class Plan(NamedTuple):
    activities: List[Activity]
    timeout_s: float
    concurrency: int


class Runs(Protocol):
    def run(self, path: str, timeout_s: float, arguments: Dict[str, Any], workspace: str) -> str: ...
    def end(self) -> None: ...


def read_dag(dag: Dict[str, Any] | List[str], timeout_s: float) -> Plan:
    """Raises NotebookUtilsError for a wrong DAG."""
    if isinstance(dag, (list, tuple)):
        dag = {"activities": [{"name": one, "path": one} if isinstance(one, str) else one for one in dag]}
    listed = dag.get("activities") if isinstance(dag, dict) else None
    if not isinstance(listed, (list, tuple)) or not listed:
        raise wrong("it is a list of names, or a dict with a list of 'activities'")
    activities = [read_activity(one, timeout_s) for one in listed]
    check(activities)
    concurrency = number(dag, "concurrency", "the DAG", os.cpu_count() or 1)
    return Plan(
        activities,
        number(dag, "timeoutInSeconds", "the DAG", DEFAULT_TIMEOUT_S),
        int(concurrency) or len(activities),
    )


def read_activity(one: Any, timeout_s: float) -> Activity:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not one["name"]:
        raise wrong(f"an activity is a dict with a 'name', and this is {one!r}")
    name = one["name"]
    unknown = sorted(set(one) - KEYS, key=str)
    if unknown:
        raise wrong(f"activity {name!r} has {unknown[0]!r}, and known are {', '.join(sorted(KEYS))}")
    args, dependencies = one.get("args") or {}, one.get("dependencies") or []
    if not isinstance(args, dict) or not isinstance(dependencies, (list, tuple)):
        raise wrong(f"of activity {name!r}, 'args' is a dict and 'dependencies' a list of names")
    return Activity(
        name,
        one.get("path") or name,
        args,
        number(one, "timeoutPerCellInSeconds", name, timeout_s),
        list(dependencies),
        int(number(one, "retry", name, 0)),
        number(one, "retryIntervalInSeconds", name, 0),
        one.get("workspace") or "",
    )


def number(table: Dict[str, Any], key: str, where: str, default: float) -> float:
    value = table.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise wrong(f"{key} of {where} is a number not below 0, and this is {value!r}")
    return value


def check(activities: List[Activity]) -> None:
    names = [one.name for one in activities]
    duplicates = [name for name in names if names.count(name) > 1]
    if duplicates:
        raise wrong(f"two activities are called {duplicates[0]!r}")
    for one in activities:
        missing = [name for name in one.dependencies if name not in names]
        if missing:
            raise wrong(f"activity {one.name!r} depends on {missing[0]!r}, which is not there")
    remaining = {one.name: set(one.dependencies) for one in activities}
    while remaining:
        free = [name for name, needed in remaining.items() if not needed & set(remaining)]
        if not free:
            raise wrong(f"these activities wait for each other: {', '.join(sorted(remaining))}")
        for name in free:
            del remaining[name]


def wrong(what: str) -> NotebookUtilsError:
    return NotebookUtilsError(f"This is no DAG of notebooks: {what}.")


def run_all(plan: Plan, runs: Runs) -> Result:
    """Each after its dependencies; activities that depend on a failed one fail without a run. An interrupt ends all."""
    result: Result = {}
    waiting = list(plan.activities)
    under_way: Dict[Future[str], Activity] = {}
    ended = threading.Event()
    until = time.monotonic() + plan.timeout_s
    pool = ThreadPoolExecutor(min(plan.concurrency, len(plan.activities)), thread_name_prefix="notebook")
    try:
        while waiting or under_way:
            for one in ready(waiting, result):
                waiting.remove(one)
                failed = [name for name in one.dependencies if result[name]["exception"] is not None]
                if failed:
                    reason = f"Job {one.name} failed due to upstream job {failed[0]} failed"  # Fabric's text
                    result[one.name] = outcome(error=NotebookRunFailed(reason))
                else:
                    under_way[pool.submit(run_with_retries, one, result, runs, ended)] = one
            done, _ = wait(under_way, POLL_INTERVAL_S, FIRST_COMPLETED)
            for future in done:
                result[under_way.pop(future).name] = outcome_of(future)
            if time.monotonic() > until:
                timeout_error = NotebookRunFailed(
                    f"The DAG took longer than its {plan.timeout_s:g} s (timeoutInSeconds)."
                )
                unfinished = [*under_way.values(), *waiting]
                result.update({one.name: outcome(error=timeout_error) for one in unfinished})
                break
    finally:
        ended.set()
        runs.end()
        pool.shutdown(wait=True)
    return {one.name: result[one.name] for one in plan.activities}


def ready(waiting: List[Activity], result: Result) -> List[Activity]:
    finished: Set[str] = set(result)
    return [one for one in waiting if set(one.dependencies) <= finished]


def run_with_retries(one: Activity, result: Result, runs: Runs, ended: threading.Event) -> str:
    arguments = with_exit_values(one.args, result)
    for retries_left in range(one.retry, -1, -1):
        try:
            return runs.run(one.path, one.timeout_s, arguments, one.workspace)
        except NotebookRunFailed:
            if not retries_left or ended.wait(one.retry_interval_s):
                raise
    raise AssertionError("a retry is not below 0")


def with_exit_values(args: Dict[str, Any], result: Result) -> Dict[str, Any]:
    """Replaces `@activity('A').exitValue()` in texts by the exit value of A."""

    def value(found: re.Match[str]) -> str:
        known = result.get(found.group(1))
        if known is None:
            raise NotebookUtilsError(
                f"{found.group(0)} is none of the activities that come before: name it in 'dependencies'."
            )
        text: str = known["exitVal"]
        return text

    return {name: EXIT_VALUE.sub(value, text) if isinstance(text, str) else text for name, text in args.items()}


def outcome(value: str = "", error: Any = None) -> Dict[str, Any]:
    return {"exitVal": value, "exception": error}


def outcome_of(future: Future[str]) -> Dict[str, Any]:
    error = future.exception()
    return outcome(error=error) if error is not None else outcome(future.result())
