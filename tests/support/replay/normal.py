"""What is normalised in a response before it is compared: all that differs between two runs of the same server."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LONGEST_TEXT = 4000  # of a longer one the recording holds its length, head and tail
TRACEBACK_LINES = 12
EARLIEST_MS = 10**12

OTHER_FOLDERS = rf"(file:)?({re.escape(str(Path(__file__).parents[3]))}|/+(tmp|root|home|var|Users|private))"
FROM_START = r"(?<![^\s\"'(\[])[^\s\"'(\[]*"  # of a word; looking from inside one too takes seconds for a long text
PATHS = [
    (FROM_START + r"/site-packages/", "<site-packages>/"),
    (FROM_START + r"/lib/python3\.\d+/", "<python>/"),
    (OTHER_FOLDERS + r"(/[^\s\"',)\]};]*)?", "<tmp>"),
    (r"(<site-packages>[^\"]*|<python>[^\"]*)\", line \d+", r'\1", line N'),
]
ADDRESSES = [
    (r"\$\$?Lambda(\$\d+)?/0x[0-9a-f]+(@[0-9a-f]+)?", "$Lambda$<hash>"),
    (r"0x[0-9a-fA-F]{6,}", "0x<address>"),
    (r"@[0-9a-f]{5,8}\b", "@<hash>"),
    (r"(localhost|127\.0\.0\.1|\[::1\]):\d+", r"\1:<port>"),
]
NUMBERS = [
    (r"\b(local|app|application)-\d{10,}(-\d+)?", r"\1-<id>"),
    (r"<console>:\d+", "<console>:N"),
    (r"\.\.\. \d+ (elided|more)", r"... N \1"),
    (r"stage \d+\.\d+", "stage N.0"),
    (r"\(TID \d+\) \([^)]*\)", "(TID N) (<host>)"),
    (r"Task \d+ in stage", "Task N in stage"),
    (r"Lost task \d+\.\d+ in stage", "Lost N in stage"),
    (r"Job \d+ cancelled part of cancelled job group \d+", "Job N cancelled part of cancelled job group N"),
    (r"\bo\d+\.", "oN."),
    (r"RDD\[\d+\]", "RDD[N]"),
    (r"#\d+L?", "#N"),
    (r"\$res\d+\$", "$resN$"),
    (r"splits=(Some\()?\d+", r"splits=\1N"),
    (r"(\.(?:scala|java)):\d+", r"\1:N"),
]
TAILS = [
    (r"(?s)\n at \[Source: .*", "\n at <source>"),
    (r"(?s)\n\tat .*", "\n\t<jvm frames>"),
]
VOLATILE = [(re.compile(pattern), instead) for pattern, instead in [*PATHS, *ADDRESSES, *NUMBERS, *TAILS]]
JVM_FRAME = re.compile(r"^\s*(at )?[\w.$<>/]+\((.*\.(scala|java):N|Native Method|Unknown Source|<unknown>.*)\)\s*$")
LIBRARY_FRAME = re.compile(r'File "(<site-packages>|<python>|<tmp>)')
RES = re.compile(r"res(\d+)(?=:)")


def plain(text: str) -> str:
    for pattern, instead in VOLATILE:
        text = pattern.sub(instead, text)
    return text


def numbered_from_zero(text: str) -> str:
    """Scala's resN counts over a session; within one output it starts anew."""
    first = min(map(int, RES.findall(text)), default=0)
    return RES.sub(lambda found: f"res{int(found[1]) - first}", text)


def texts_changed(value: Any, change: Callable[[str], str]) -> Any:
    """The same value with each text in it changed, and cut as the recordings are."""
    if isinstance(value, dict):
        return {key: texts_changed(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [texts_changed(item, change) for item in value]
    if not isinstance(value, str):
        return value
    text = change(value)
    return text if len(text) <= LONGEST_TEXT else {"length": len(text), "head": text[:200], "tail": text[-200:]}


def traceback_head(lines: Sequence[str]) -> list[str]:
    """Up to the first frame of the JVM or of a library."""
    kept: list[str] = []
    for line in map(plain, lines):
        if len(kept) == TRACEBACK_LINES:
            return [*kept, "<more>"]
        if JVM_FRAME.match(line) or "<jvm frames>" in line:
            return [*kept, "<jvm frames>"]
        if LIBRARY_FRAME.search(line):
            return [*kept, "<library frames>"]
        kept.append(line)
    return kept


def output(answered: Any, statement_id: Any, *, keeps_res: bool) -> Any:
    if not isinstance(answered, dict):
        return answered
    seen: dict[str, Any] = {}
    for key, value in answered.items():
        if key == "execution_count":
            seen[key] = "<id>" if value == statement_id else value
        elif key == "traceback" and isinstance(value, list):
            seen[key] = traceback_head(value)
        else:
            seen[key] = texts_changed(value, plain if keeps_res else lambda text: numbered_from_zero(plain(text)))
    return seen


def moment(epoch_ms: Any) -> Any:
    return "<ms>" if (epoch_ms or 0) > EARLIEST_MS else epoch_ms


def statement(answered: dict[str, Any], code: str, *, keeps_res: bool) -> dict[str, Any]:
    """A finished statement as GET gives it. Its code counts only where it is not what was sent."""
    seen = {
        "state": answered["state"],
        "progress": answered.get("progress"),
        "started": moment(answered.get("started")),
        "completed": moment(answered.get("completed")),
    }
    if answered.get("code") != code:
        seen["code"] = answered.get("code")
    seen["output"] = output(answered.get("output"), answered.get("id"), keeps_res=keeps_res)
    return seen


def refusal(status: int, body: Any) -> dict[str, Any]:
    """Instead of a statement: the answer to a request that was not taken."""
    content = texts_changed(body, lambda text: plain(text).removesuffix("\n\t<jvm frames>"))
    return {"answer": {"status": status, "body": content}}
