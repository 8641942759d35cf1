"""The text of a remote error as a person reads it: the cause first, then its place, then the user's own frames. Pure.

Spark tells an error three ways: Python's exception, Java's chain of causes with the stacks between them, and in either the
traceback of a Python worker. The cause is somewhere inside; all the rest is for `%livy error`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEADER = "Traceback (most recent call last):"
GROUP = "  + Exception Group"
WORKER_HEADER = "In a Python worker of Spark (most recent call last):"
CALL_OF_PY4J = "An error occurred while calling "

_CLASS = r"(?:[a-z_][\w$]*\.)+[A-Z][\w$]*"
_EXCEPTION = re.compile(rf"(?:Caused by: |: )?({_CLASS})(?::[ \t]?(.*))?", re.DOTALL)
# Packages that say nothing to somebody who reads `SparkArithmeticException: [DIVIDE_BY_ZERO] …`.
_SPARKS_PACKAGE = re.compile(r"\b(?:org\.apache\.spark|io\.delta)\.(?:[a-z_]\w*\.)*(?=[A-Z])")
_PYSPARKS_PACKAGE = re.compile(r"\A(?:pyspark|py4j)\.(?:[a-z_]\w*\.)*(?=[A-Z])")
_TASK = re.compile(
    r"Job aborted due to stage failure: (?P<task>Task \w+(?:\.\d+)? in stage [\w.]+) failed (?P<times>\d+) times?, most recent failure: "
    r"Lost [\w. ]+ in stage [\w.]+ \(TID \w+\) \((?P<where>[^)]*)\): (?P<why>.*)",
    re.DOTALL,
)
# They only say that something else failed, which follows as their cause.
_WRAPPERS = re.compile(
    r"Job aborted|Writing job aborted|Exception thrown in awaitResult|Task failed while writing|Multiple failures in stage"
    r"|\[(?:TASK_WRITE_FAILED|WRITING_JOB_ABORTED)\]"
)
_WRAPPER_CLASSES = (
    "ExecutionException",
    "UncheckedExecutionException",
    "InvocationTargetException",
    "UndeclaredThrowableException",
)
# What Spark adds to every missing table.
_BOILERPLATE = re.compile(
    r" on search path \[[^\]]*\]| ?Verify the spelling and correctness of the schema and catalog\.|\nIf you did not qualify the name with [^\n]*"
    r"|\nTo tolerate the error on drop use (?:[^\n;]|;(?! line \d))*"
)
_DRIVER_STACK = "Driver stacktrace:"
_FRAME = re.compile(r'  File "(?P<file>[^"]*)", line \d+')
_SHIPPED = re.compile(r".*[/\\](?:userFiles-[\w-]+|container_\w+|__pyfiles__)[/\\]")
_LIBRARY = re.compile(
    r"site-packages|dist-packages|pyspark\.zip|[/\\]pyspark[/\\]|[/\\]py4j|[/\\]lib[/\\]python\d|<frozen |<fabric_livy_agent|\.p(?:yx|xi)$"
)
_OF_WORKER = re.compile(r"PythonException|Python worker")
_DIRECT = "The above exception was the direct cause of the following exception:"
_MEANWHILE = "During handling of the above exception, another exception occurred:"


@dataclass(frozen=True)
class Section:
    """One traceback: the user's frames, its last lines, and how it came to the next one (`link`, empty in the last)."""

    frames: tuple[str, ...]
    message: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True)
class Cause:
    """`headline` may have several lines. `details` are other causes and where it happened; `worker` the user's frames there."""

    headline: str
    details: tuple[str, ...] = ()
    worker: tuple[str, ...] = ()


def cause_of(ename: str, evalue: str) -> Cause:
    text = evalue.strip()
    records, task = _records(ename, text)
    if HEADER in text and _OF_WORKER.search(f"{ename} {text}") and (worker := _worker_cause(text, task)):
        return worker
    chosen = next((number for number, one in enumerate(records[:-1]) if not _is_wrapper(*one)), len(records) - 1)
    name, message = records[chosen]
    message = _BOILERPLATE.sub("", "\n".join(without_plan(message.strip().split("\n")))).strip()
    headline = ": ".join(filter(None, [name, message])) or ename
    details = [task] if task else []
    for other, why in records[chosen + 1 :]:
        first = why.strip().split("\n")[0]
        if first and first not in headline:
            details.append(f"Caused by {other}: {first}")
    return Cause(headline, tuple(dict.fromkeys(details)))


def _is_wrapper(name: str, message: str) -> bool:
    return bool(_WRAPPERS.match(message.strip())) or name.endswith(_WRAPPER_CLASSES)


def _records(ename: str, text: str) -> tuple[list[tuple[str, str]], str]:
    """Java's chain of causes as (class, message), and of a failed task which and where."""
    lines = [line for line in text.splitlines() if not is_jvm_frame(line) and line.strip() != _DRIVER_STACK]
    if lines and lines[0].startswith(CALL_OF_PY4J) and any(line.startswith(": ") for line in lines[1:]):
        del lines[0]
    name = "" if ename in {"Error", "Py4JJavaError"} else ename
    found: list[tuple[str, list[str]]] = [(name, [])]
    for number, line in enumerate(lines):
        begins = line.startswith("Caused by: ") or (number == 0 and name == "")
        match = _EXCEPTION.fullmatch(line) if begins else None
        if match and number:
            found.append((_short_class(match[1]), [match[2] or ""]))
        elif match:
            found[0] = (_short_class(match[1]), [match[2] or ""])
        else:
            found[-1][1].append(line)
    records, task = [], ""
    for kind, parts in found:
        message = "\n".join(parts)
        if failed := _TASK.match(message.strip()):
            times = "" if failed["times"] == "1" else f" {failed['times']} times"
            task = task or f"{failed['task']} failed{times} on {failed['where']}"
            inner = _EXCEPTION.fullmatch(failed["why"])
            kind, message = (_short_class(inner[1]), inner[2] or "") if inner else (kind, failed["why"])
        records.append((kind, message))
    if not records[0][0] and not records[0][1].strip():
        records = records[1:] or [(ename, "")]
    return records, task


def _short_class(name: str) -> str:
    return _SPARKS_PACKAGE.sub("", name)


def _worker_cause(text: str, task: str) -> Cause | None:
    """Of an error in a Python worker: what it raised there, and the user's frames."""
    lines = text[text.index(HEADER) :].splitlines()
    end = next((n for n, line in enumerate(lines) if is_jvm_frame(line) or line.strip() == _DRIVER_STACK), len(lines))
    sections = sections_of(lines[:end])
    if not sections or not sections[-1].message:
        return None
    last = sections[-1]
    return Cause("\n".join(last.message), (task,) if task else (), (*last.frames, *earlier_sections(sections)))


def sections_of(lines: Sequence[str]) -> list[Section]:
    """The tracebacks of a chain of Python's exceptions, with the user's frames alone; one that lost all its frames has no header."""
    found: list[Section] = []
    frames: list[list[str]] = []
    message: list[str] = []
    for line in lines:
        if line == HEADER:
            frames, message = [], []
        elif line in {_DIRECT, _MEANWHILE}:
            link = "Caused by" if line == _DIRECT else "While handling"
            found.append(Section(tuple(_users(frames)), _stripped(message), link))
            frames, message = [], []
        elif not (line or message):
            continue
        elif message or not line.startswith("  "):
            message.append(line)
        elif _FRAME.match(line):
            frames.append([line])
        elif frames:
            frames[-1].append(line)
    return [*found, Section(tuple(_users(frames)), _stripped(message))]


def _stripped(lines: Sequence[str]) -> tuple[str, ...]:
    text = "\n".join(lines).strip()
    return tuple(text.split("\n")) if text else ()


def earlier_sections(sections: Sequence[Section], said: str = "") -> list[str]:
    """What led to the last one, the latest first. One that says the same and has no frame of the user's is left out."""
    drawn: list[str] = []
    after = sections[-1].message or (said,)
    for section in reversed(sections[:-1]):
        first = section.message[:1]
        if section.frames or (first and first != after[:1]):
            said = _PYSPARKS_PACKAGE.sub("", section.message[0]) if first else "another error"
            drawn += [f"{section.link} {said}", *section.frames]
        after = section.message
    return drawn


def _users(frames: Sequence[Sequence[str]]) -> Iterator[str]:
    for frame in frames:
        match = _FRAME.match(frame[0])
        if match and not is_library(match["file"]):
            yield frame[0].replace(match["file"], _SHIPPED.sub("", match["file"]), 1)
            yield from frame[1:]


def is_library(filename: str) -> bool:
    return _SHIPPED.match(filename) is None and _LIBRARY.search(filename.replace("\\", "/")) is not None


def is_jvm_frame(line: str) -> bool:
    text = line.strip()
    if text.startswith(("at ", "... ")) and ("(" in text or text.endswith((" more", " elided"))):
        return True
    # Livy's SQL tracebacks: frames without `at`, as in org.apache.spark.sql.Dataset.collect(Dataset.scala:3575)
    head, _, tail = text.partition("(")
    return (
        tail.endswith(")")
        and "." in head
        and " " not in head
        and (":" in tail or "Native" in tail or "Unknown" in tail)
    )


# ---------------------------------------------------------------------------------------------------------- SQL
_AT_END = re.compile(r"\s*;? line (\d+) pos (\d+)\s*\Z")
_PARSE_PLACE = re.compile(r"\(line (\d+), pos (\d+)\)")
_SQL_BLOCK = re.compile(r"\n\n== SQL ==\n(?P<sql>.*?\n)?(?P<mark>-*\^\^\^)(?P<rest>.*)\Z", re.DOTALL)
_CONTEXT = re.compile(
    r"\n== SQL ?\(line (?P<line>\d+), position (?P<column>\d+)\) ==\n(?P<text>.*?)\n(?P<marks> *\^+)\n*", re.DOTALL
)
MOST_CONTEXT = 110  # characters of a line: the part around the place
_TAB_KEPT = re.compile(r"[^\t]")


def with_sql_place(headline: str, sql: str = "", begins: tuple[int, int] = (1, 0)) -> tuple[str, list[str]]:
    """The headline without its position, and the line of the SQL text with a caret below. Where the text is not known and not in
    the message, the headline as it is. `begins`: the line and column of the cell at which the statement begins."""
    block = _SQL_BLOCK.search(headline)
    if block and not sql:
        sql = f"{block['sql'] or ''}{block['rest'].removeprefix(chr(10))}"
    for pattern in (_CONTEXT, _PARSE_PLACE, _AT_END):
        if not (place := pattern.search(headline)):
            continue
        line, column, width = int(place[1]), int(place[2]), 0
        if pattern is _CONTEXT:
            column, width = column - 1, len(place["marks"].strip())
            if not sql:  # the message has the line itself
                told = [f"Line {line}, column {column + 1} of the SQL:", *_indented(place["text"], place["marks"])]
                return pattern.sub("", headline).rstrip(), told
        if (drawn := _excerpt(sql, line, column, width, begins)) or block:
            shown = headline[: block.start()] if block else headline
            return pattern.sub("", shown).rstrip(), drawn
        break
    return headline, []


def _indented(*texts: str) -> list[str]:
    return [f"    {line}" for text in texts for line in text.split("\n")]


def _excerpt(sql: str, line: int, column: int, width: int, begins: tuple[int, int]) -> list[str]:
    lines = re.split(r"\r\n|\r|\n", sql)
    text = lines[line - 1] if 1 <= line <= len(lines) else ""
    if not text.strip() or column > len(text):
        return []
    word = re.match(r"[\w.`]+", text[column:])
    width = max(1, min(width or (word.end() if word else 1), len(text) - column))
    shift = begins[1] if line == 1 else 0
    cut = max(0, column - MOST_CONTEXT // 2) if len(text) > MOST_CONTEXT else 0
    shown = text[cut : cut + MOST_CONTEXT]
    before = "…" if cut else ""
    after = "…" if cut + MOST_CONTEXT < len(text) else ""
    pad = _TAB_KEPT.sub(" ", before + text[cut:column])
    carets = "^" * min(width, MOST_CONTEXT - (column - cut))
    return [
        f"Line {line + begins[0] - 1}, column {column + shift + 1}:",
        f"    {before}{shown}{after}",
        f"    {pad}{carets}",
    ]


# ---------------------------------------------------------------------------------------------------------- the report
LINES_OF_MESSAGE = 12
LINES_OF_TRACEBACK = 16
WIDTH_OF_LINE = 400
_LINE_OF_SCALA = re.compile(r"  in line \d+ of the cell: ")
_PLACE_IN_CELL = re.compile(r" \((?:<cell [^>]*>|<stdin>|<string>), line \d+\)\Z")
_SYNTAX_ERRORS = {"SyntaxError", "IndentationError", "TabError"}


def report_lines(
    ename: str,
    evalue: str,
    traceback: Sequence[str],
    users_traceback: str | None,
    *,
    suggestion: str = "",
    sql: str = "",
    sql_begins: tuple[int, int] = (1, 0),
    within: str = "",
) -> list[str]:
    """Livy gives a Scala error as first line = `evalue`, further lines (source and caret) = traceback, a SQL error with a traceback of
    JVM frames, and a Python error with one that ends with `ename: evalue`. The agent's `users_traceback` ends before that."""
    lines = [line for one in traceback for line in one.rstrip("\n").split("\n")]
    is_python = bool(lines) and lines[0].startswith((HEADER, '  File "', GROUP))
    place: list[str] = []
    if not is_python and users_traceback is None:
        place = [line for line in lines if _LINE_OF_SCALA.match(line)]
        known = {*place, f"{ename}: {evalue}".strip()}
        told = [line for line in lines if line not in known and not is_jvm_frame(line)]
        evalue = "\n".join([evalue.rstrip("\n"), *told])
    if ename in _SYNTAX_ERRORS:
        evalue = _PLACE_IN_CELL.sub("", evalue)
    cause = cause_of(ename, evalue)
    headline, excerpt = with_sql_place(cause.headline, sql, sql_begins)
    if suggestion:
        excerpt.append(f"Did you mean {suggestion}?")
    if users_traceback is None:
        users_traceback = "\n".join(_without_message(lines, ename) if is_python else [])
    frames = _frames(users_traceback.splitlines(), f"{ename}: {evalue}".split("\n")[0])
    worker = [WORKER_HEADER, *cause.worker] if cause.worker else []
    return [
        *shortened(headline.split("\n"), LINES_OF_MESSAGE),
        *excerpt,
        *([f"In {within}."] if within else []),
        *place,
        *shortened(list(cause.details), LINES_OF_MESSAGE),
        *shortened(worker, LINES_OF_TRACEBACK),
        *shortened(frames, LINES_OF_TRACEBACK + LINES_OF_MESSAGE),
    ]


def _without_message(lines: Sequence[str], ename: str) -> list[str]:
    """A traceback of Python without the error's own name and message at its end."""
    own = re.compile(rf"(?:\w+\.)*{re.escape(ename)}(?::|\Z)")
    ends = next((number for number, line in enumerate(lines) if number and own.match(line)), None)
    return list(lines[:ends])


def _frames(lines: Sequence[str], said: str) -> list[str]:
    """`said`: the first line of the error itself."""
    if lines and lines[0].startswith(GROUP):
        return [line for line in lines if line.strip()]
    sections = sections_of(lines)
    own, is_traceback = sections[-1].frames, HEADER in lines  # a syntax error of the cell itself has a place only
    return [*([HEADER] if own and is_traceback else []), *own, *earlier_sections(sections, said)]


def shortened(lines: Sequence[str], most: int) -> list[str]:
    """The beginning says what failed, the end often why."""
    kept = [line for line in without_plan(lines) if not is_jvm_frame(line)]
    if (left_out := len(kept) - most) > 0:
        half = most // 2
        kept = [*kept[:half], f"… {left_out} lines left out: %livy error shows them", *kept[-half:]]
    return [line if len(line) <= WIDTH_OF_LINE else line[: WIDTH_OF_LINE - 1] + "…" for line in kept]


def without_plan(lines: Sequence[str]) -> list[str]:
    """Spark's analyzer ends its message with `;` and draws the whole query plan below."""
    end = next((number for number, line in enumerate(lines) if line.rstrip().endswith(";")), None)
    if end is None or not any(line.lstrip().startswith(("+-", ":-", "'")) for line in lines[end + 1 :]):
        return list(lines)
    return [*lines[:end], lines[end].rstrip().rstrip(";")]
