"""The statement cases: which share a session, how one is run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.support.replay.comparison import Case, read_cases
from tests.support.replay.target import NotStarted, Target

USUAL_LIMIT_S = 90.0
USUAL_SETTLE_S = 3.0
# On Livy the Scala interpreter starts with the session, here with the first statement that needs it.
INTERPRETER_START_S = 20.0

# What CI replays. Python answers in milliseconds; a statement of Spark or Scala costs a good part of a second, a case
# with a session to itself a good part of a minute of one core. So each mode takes other ones of them.
EVERY_ONE_OF = ("pyspark-echo", "pyspark-error", "pyspark-globals", "pyspark-magic", "pyspark-output", "pyspark-syntax")
EVERY_NTH_OF_OTHERS = 16
OWN_UNDER_QUIRKS = "pyspark-breaks/close-stdout"  # what ends Python, and what Scala and SQL do then


def statement_cases(dialect: str) -> list[Case]:
    return [case for case in read_cases("statements.jsonl") if dialect == "livy" or not case.get("livy_only")]


def quick_share(cases: Sequence[Case], *, quirks: bool) -> list[Case]:
    shared = [case for case in cases if not case.get("own")]
    whole = [case for case in shared if case["topic"] in EVERY_ONE_OF]
    others = [case for case in shared if case["topic"] not in EVERY_ONE_OF]
    own = [case for case in cases if quirks and case["id"] == OWN_UNDER_QUIRKS]
    first = EVERY_NTH_OF_OTHERS // 2 if quirks else 0
    return [*whole, *others[first::EVERY_NTH_OF_OTHERS], *own]


def run_all(target: Target, cases: Sequence[Case], workers: int = 1) -> dict[str, Any]:
    """What was seen, by case. `workers`: sessions alive at a time."""
    results: dict[str, Any] = {}
    with ThreadPoolExecutor(workers) as pool:
        for part in pool.map(lambda group: run_group(target, group), by_session(cases, target.dialect)):
            results |= part
    return results


def by_session(cases: Iterable[Case], dialect: str) -> list[list[Case]]:
    """A case that says `own` has a session to itself. The others share one for each kind; Fabric's sessions have no kind."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        shared = case["session"] if dialect == "livy" else "all"
        groups[case["id"] if case.get("own") else shared].append(case)
    return sorted(groups.values(), key=len, reverse=True)


def run_group(target: Target, cases: Sequence[Case]) -> dict[str, Any]:
    """One after the other in one session, or a new one where a case has left it unusable."""
    results: dict[str, Any] = {}
    session: Any = None
    for case in cases:
        try:
            if session is None or target.state(session) not in ("idle", "busy"):
                end(target, session)
                session = target.start_session(case["session"])
            results[case["id"]] = seen = run_case(target, session, case)
            if any(part.get("state") in ("waiting", "running") for part in parts(seen)):
                end(target, session)  # something blocks its queue for good
                session = None
        except (NotStarted, requests.RequestException) as failure:
            results[case["id"]] = {"failure": f"{type(failure).__name__}: {failure}"}
            end(target, session)
            session = None
    end(target, session)
    return results


def end(target: Target, session: Any) -> None:
    if session is not None:
        target.delete_session(session)


def parts(seen: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield seen["statement"]
    yield from seen.get("after", [])


def run_case(target: Target, session: Any, case: Case) -> dict[str, Any]:
    # Fabric's sessions have no kind: each statement says its own.
    usual_kind = case["session"] if target.dialect == "fabric" else None

    def run(step: Case) -> dict[str, Any]:
        limit_s = case.get("limit_s", USUAL_LIMIT_S) + INTERPRETER_START_S
        kind = step.get("kind", usual_kind)
        return target.run(session, step["code"], kind, limit_s, keeps_res=bool(case.get("own")))

    for step in case.get("setup", []):
        run(step)
    seen: dict[str, Any] = {"statement": run(case)}
    if case.get("after"):
        seen["after"] = [run(step) for step in case["after"]]
    if case.get("watch_state"):
        time.sleep(case.get("settle_s", USUAL_SETTLE_S))
        seen["session_state"] = target.state(session)
    return seen
