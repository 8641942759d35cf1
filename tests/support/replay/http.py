"""The HTTP cases: sequences of requests, each with Livy's response; and the normal form of a response."""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.support.replay import normal
from tests.support.replay.comparison import ANY_TEXT, Case, read_cases
from tests.support.replay.target import NotStarted, Target

HEADERS = ("Content-Type", "Location", "Allow")
MADE = {"made": "sessions", "made2": "sessions", "batch": "batches"}
EARLY = ("state", "output", "progress", "started", "completed")  # of a statement that may have run already
JAVAS_OWN_WORDS = re.compile(r"\[Source: \(|NullPointerException|ClassCastException|IndexOutOfBounds")
TIME_CLASSES = (("< 2 s", 2.0), ("2-15 s", 15.0), ("> 15 s", float("inf")))
LONGEST_TEXT = 600

Names = dict[str, Any]


# They take some seconds each, or a session of their own that has to become idle.
LONG = re.compile(
    r"http-(cancel/(waiting|running|twice)|progress/|retention/|starting/(get|delete|conf)|ending/|batch/"
    r"|name/statements-by-name|list/two|shared/)"
)
CHOSEN_DEFAULT = ("http-batch/success", "http-ending/stop")
CHOSEN_QUIRKS = ("http-batch/failing", "http-shared/kind-shared-statement")


def http_cases() -> list[Case]:
    return read_cases("http.jsonl")


def quick_share(cases: Iterable[Case], *, quirks: bool) -> list[Case]:
    """Most of the quick cases and a few of the others, which differ by mode."""
    chosen = CHOSEN_QUIRKS if quirks else CHOSEN_DEFAULT
    other_sessions = ("shared",) if quirks else ("spark",)
    return [
        case
        for case in cases
        if case["id"] in chosen
        or case.get("session") in other_sessions
        or (case.get("session") in (None, "pyspark") and not LONG.match(case["id"]))
    ]


# ------------------------------------------------------------------------------------------------ groups
def run_all(target: Target, cases: Sequence[Case], workers: int = 1) -> dict[str, Any]:
    """Case id → what was seen. Cases that need the server to themselves run last."""
    results: dict[str, Any] = {}
    with ThreadPoolExecutor(workers) as pool:
        for part in pool.map(lambda group: run_group(target, group), by_session(cases)):
            results |= part
    if alone := [case for case in cases if case.get("alone")]:
        delete_everything(target)
        results |= run_group(target, alone)
    return results


def by_session(cases: Iterable[Case]) -> list[list[Case]]:
    """Cases share a session of their kind; what starts its own is alone in its group, and the light ones are in one."""
    groups: dict[Any, list[Case]] = defaultdict(list)
    for case in cases:
        if not case.get("alone"):
            starts_own = case.get("own") or case.get("jvm")
            groups[case["id"] if starts_own else case.get("session")].append(case)
    return sorted(groups.values(), key=len, reverse=True)


def delete_everything(target: Target) -> None:
    """Also the batches that Livy refused and lists all the same."""
    for folder in ("sessions", "batches"):
        for entry in target.call("GET", f"/{folder}").json()["sessions"]:
            target.call("DELETE", f"/{folder}/{entry['id']}")


def run_group(target: Target, cases: Sequence[Case]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    session: Any = None
    with tempfile.TemporaryDirectory(prefix="replay-files-") as name:
        folder = Path(name)
        for case in cases:
            for file, text in case.get("files", {}).items():
                (folder / file).write_text(text, encoding="utf-8")
            try:
                if case.get("session") and (session is None or target.state(session) not in ("idle", "busy")):
                    session = target.start_session(case["session"])
                results[case["id"]] = run_case(target, session, case, folder)
            except (NotStarted, requests.RequestException) as failure:
                results[case["id"]] = [{"failure": f"{type(failure).__name__}: {failure}"}]
        if session is not None:
            target.delete_session(session)
    return results


# ------------------------------------------------------------------------------------------------ one case
def run_case(target: Target, session: Any, case: Case, folder: Path) -> list[dict[str, Any]]:
    names: Names = {"session": session, "folder": str(folder), "unique": f"n{uuid.uuid4().hex[:10]}"}
    seen = []
    try:
        for step in case["steps"]:
            record = run_step(target, step, names)
            if not step.get("quiet"):
                seen.append(record)
    finally:
        for name, collection in MADE.items():
            if name in names:
                target.call("DELETE", f"/{collection}/{names[name]}")
    return seen


def run_step(target: Target, step: Mapping[str, Any], names: Names) -> dict[str, Any]:
    time.sleep(step.get("pause_s", 0))
    method, path = filled(step["request"], names).split(" ", 1)
    began = time.monotonic()
    try:
        answer, states = request_until(target, method, path, step, names)
    except requests.RequestException as lost:
        return {"request": step["request"], "failure": type(lost).__name__}
    body = json_or_text(answer)
    names |= {name: body[key] for name, key in step.get("save", {}).items() if isinstance(body, dict) and key in body}
    record = {"request": step["request"], "status": answer.status_code}
    for header in (*HEADERS, *step.get("record_headers", [])):
        if header in answer.headers:
            record[header] = Seen(names, step).body(answer.headers[header].replace(target.base_url, "<base>"))
    if not step.get("any_body"):
        record["body"] = recorded_body(method, path, answer.status_code, Seen(names, step).body(body))
    if step.get("record_states"):
        record["states"] = states
    if step.get("record_time"):
        took_s = time.monotonic() - began
        record["took"] = next(label for label, top_s in TIME_CLASSES if took_s < top_s)
    return record


def request_until(
    target: Target, method: str, path: str, step: Mapping[str, Any], names: Names
) -> tuple[requests.Response, list[str]]:
    """The last answer, and the distinct states of all."""
    until, wanted, states = time.monotonic() + step.get("within_s", 60), step.get("until"), []
    while True:
        answer = target.call(method, path, timeout_s=step.get("timeout_s", 60), **sent(step, names))
        body = json_or_text(answer)
        state = body.get("state") if isinstance(body, dict) else None
        early = path.startswith("/batches") and state == "starting"
        if state is not None and states[-1:] != [state] and not early:
            states.append(state)
        if not wanted or not isinstance(body, dict) or time.monotonic() > until or is_reached(body, wanted):
            return answer, states
        time.sleep(step.get("every_s", 0.05))


def is_reached(body: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(bool(body.get(key)) if values == "*" else body.get(key) in values for key, values in wanted.items())


def sent(step: Mapping[str, Any], names: Names) -> dict[str, Any]:
    options: dict[str, Any] = {"headers": filled(step.get("headers", {}), names)}
    if "json" in step:
        options["json"] = filled(step["json"], names)
    elif "raw" in step:
        options["data"] = step["raw"].encode()
    if "upload" in step:
        part, file_name, text = step["upload"]
        options["files"] = {part: (file_name, text.encode())}
    return options


def filled(value: Any, names: Names) -> Any:
    """With names in braces replaced; a text that is only such a name becomes the value itself."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if not isinstance(value, str):
        return value
    if value[:1] == "{" and value[-1:] == "}" and value[1:-1] in names:
        return names[value[1:-1]]
    for name, known in names.items():
        value = value.replace(f"{{{name}}}", str(known))
    return value


def json_or_text(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def recorded_body(method: str, path: str, status: int, body: Any) -> Any:
    if isinstance(body, str) and len(body) > LONGEST_TEXT:
        return body[: LONGEST_TEXT // 2] + "..."
    if (method, status) != ("POST", 201):
        return body
    if path.endswith("/statements"):
        return {key: value for key, value in body.items() if key not in EARLY}
    return {key: value for key, value in body.items() if path != "/batches" or key != "state"}


# ------------------------------------------------------------------------------------------------ the normal form
class Seen:
    """Ids of sessions, batches and shared statements, times, log lines and the like."""

    def __init__(self, names: Names, step: Mapping[str, Any]) -> None:
        self._names = names
        self._step = step
        self._ids = {
            str(known) for name, known in names.items() if name not in ("folder", "unique") and known is not None
        }

    def body(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.body(item) for item in value]
        if isinstance(value, dict):
            return {key: self._item(key, item, value) for key, item in value.items()}
        return self._text(value) if isinstance(value, str) else value

    def _item(self, key: str, item: Any, whole: Mapping[str, Any]) -> Any:
        if key == "id" and ("code" not in whole or self._names["session"] is not None):
            return "<id>"
        if key == "output":
            return normal.output(item, whole.get("id", -1), keeps_res=False)
        if key in ("started", "completed"):
            return normal.moment(item)
        if key == "appInfo":
            return "<appInfo>"
        if key == "candidates" and len(item) >= 5:
            return [one for one in item if one in self._step.get("among", [])]
        if key == "total" and ("log" in whole or self._step.get("any_total")):
            return "<total>"
        if "log" in whole and key in ("log", "from"):
            return self._log(item) if key == "log" else self._log_start(item, whole)
        return self.body(item)

    def _log(self, lines: list[str]) -> Any:
        if pattern := self._step.get("log_like"):
            return [self._text(line) for line in lines if re.search(pattern, line)]
        return len(lines) if self._step.get("count_log") else "<log>"

    def _log_start(self, start: int, whole: Mapping[str, Any]) -> Any:
        return "<total minus size>" if start and start == whole.get("total", 0) - len(whole["log"]) else start

    def _text(self, text: str) -> str:
        text = text.replace(self._names["unique"], "<unique>")
        text = re.sub(r"for session \d+$", "for session <id>", text)
        if text.startswith("/") or "ession" in text or "atch" in text:
            for known in self._ids:
                text = re.sub(rf"(?<![\w.]){re.escape(known)}(?![\w.])", "<id>", text)
        if re.match(r"/(sessions|batches)/", text):
            return text
        if JAVAS_OWN_WORDS.search(text):
            return ANY_TEXT
        return re.sub(r" \(through reference chain: .*\)$", "", normal.plain(text).removesuffix("\n\t<jvm frames>"))
