"""Compares what was seen with what was recorded; and the list of known differences."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[2] / "payloads" / "livy"
ANY_TEXT = "<any string>"

Case = dict[str, Any]


def read_cases(name: str) -> list[Case]:
    return [json.loads(line) for line in (RECORDED / name).read_text(encoding="utf-8").splitlines()]


def difference(case: Case, seen: Any) -> str:
    """As a unified diff; empty if there is none."""
    how, expected = case.get("compare", "exact"), case["expect"]
    if how == "regex":
        text = json.dumps(seen, ensure_ascii=False)
        found = re.search(case["pattern"], text, re.DOTALL)
        return "" if found else f"no match for {case['pattern']!r} in\n{text[:2000]}"
    if how == "status":
        expected, seen = statuses(expected), statuses(seen)
    seen = with_any_text(expected, seen)
    if expected == seen:
        return ""
    recorded, current = (json.dumps(part, ensure_ascii=False, indent=1).splitlines() for part in (expected, seen))
    return "\n".join(difflib.unified_diff(recorded, current, "recorded", "seen", lineterm=""))


def statuses(seen: Any) -> Any:
    """What counts where messages may differ: of HTTP steps the status, of statements state, status and ename."""
    if isinstance(seen, list):
        return [step.get("status", step.get("failure")) for step in seen]
    if "statement" not in seen:
        return seen
    parts = [seen["statement"], *seen.get("after", [])]
    outcomes = [(part.get("state"), part.get("output") or {}) for part in parts]
    return [(state, output.get("status"), output.get("ename")) for state, output in outcomes], seen.get("session_state")


def with_any_text(expected: Any, seen: Any) -> Any:
    if expected == ANY_TEXT and isinstance(seen, str):
        return ANY_TEXT
    if isinstance(expected, dict) and isinstance(seen, dict):
        return {key: with_any_text(expected.get(key), value) for key, value in seen.items()}
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        return [with_any_text(one, other) for one, other in zip(expected, seen, strict=True)]
    return seen


def known_differences(dialect: str, *, quirks: bool) -> dict[str, str]:
    """The cases that differ, by id, with the reason of each."""
    with (RECORDED / "differences.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {**tables["quirks" if quirks else "default"], **tables.get(dialect, {})}


def timely_differences() -> dict[str, str]:
    """Those that depend on timing."""
    with (RECORDED / "differences.toml").open("rb") as file:
        timely: dict[str, str] = tomllib.load(file)["timely"]
    return timely


def surprises(cases: Iterable[Case], results: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """Case id → a difference that is not listed, or a listed one that does not occur."""
    timely = timely_differences()
    found: dict[str, str] = {}
    for case in cases:
        diff = difference(case, results[case["id"]])
        if diff and case["id"] not in (known.keys() | timely.keys()) and not case.get("racy"):
            found[case["id"]] = diff
        if not diff and case["id"] in known:
            found[case["id"]] = f"does not differ any more, but differences.toml lists it: {known[case['id']]}"
    return found
