"""The client's side of the agent (`remote/agent`): sends it to a session, calls it, reads its replies.

A reply counts only when it carries the id of the request that asked for it. A Livy shell that got a stray line on
descriptor 1 answers each statement with an earlier one's output; it is realigned, or declared broken.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from fabric_livy_magic.errors import NoAgent, SessionError
from fabric_livy_magic.livy.endings import has_died, statement_error
from fabric_livy_magic.livy.models import Output

Execute = Callable[[str], Output]
"""Runs one PySpark statement and waits for it."""

CALLED_AS = "_fabric_livy"  # as in remote/agent/__init__.py
MOST_STRAY_LINES = 8
REPEATABLE = {"ping", "again", "piece", "close_frame", "receive"}  # twice is the same as once
BROKEN = (
    "The session's Python shell is out of step: it answers with the output of earlier statements, because something wrote to "
    "its standard output past Python. `%livy stop` and a new session mend it; SQL and Scala cells still work in this one."
)


@dataclass(frozen=True)
class Reply:
    """`events` are dicts in order: {stream, text}, {data, metadata, result?} or {frame, result?} (remote/agent/output.py).

    `outside` is what the shell gave beside the reply.
    """

    events: tuple[Mapping[str, Any], ...] = field(repr=False)
    value: Any = field(default=None, repr=False)
    error: Mapping[str, str] | None = field(default=None, repr=False)
    outside: str = field(default="", repr=False)


@dataclass
class Agent:
    """That of one session. `call` may be used by several threads."""

    unavailable: NoAgent | None = None
    _installed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def call(self, execute: Execute, operation: str, *arguments: Any) -> Reply:
        """Runs one operation. Raises NoAgent, SessionError for a shell that cannot be trusted, StatementError where the
        statement failed around the agent; an error of the operation itself is in the reply."""
        self._install_once(execute)
        request = uuid.uuid4().hex
        code = call_text(request, operation, arguments)
        output = execute(code)
        if has_died(output):
            self.unavailable = NoAgent("its Python process has ended")
        if is_missing(output):  # Python was started anew in the session; nothing of the call ran
            self._installed = False
            self._install_once(execute)
            output = execute(code)
        reply = read_reply(output.text, request)
        return reply or self._recovered(execute, request, operation, arguments, output)

    def _install_once(self, execute: Execute) -> None:
        with self._lock:
            if self.unavailable:
                raise self.unavailable
            if self._installed:
                return
            output = execute(install_text())
            if output.status == "error":
                self.unavailable = NoAgent(f"{output.ename}: {output.evalue}".strip(": "))
                raise self.unavailable
            self._installed = True

    def _recovered(
        self, execute: Execute, request: str, operation: str, arguments: Sequence[Any], output: Output
    ) -> Reply:
        """The reply that the shell did not give. Raises where the statement failed for another reason."""
        if output.status == "error" and not is_protocol_error(output):
            raise statement_error(output)
        with self._lock:
            self._realign(execute)
            if operation in REPEATABLE:
                again = execute(call_text(request, operation, arguments)).text
            else:
                again = self._value(execute, "again", request)
        if reply := read_reply(again, request):
            return reply
        raise SessionError(
            "The session's Python shell gave another statement's output for this cell, and its own could not be had. The shell is in "
            "step again, but whether this cell ran is not known: look at what it was to change before you run it again."
        )

    def _realign(self, execute: Execute) -> None:
        """Each round takes one stray line out of the shell's answers."""
        for _ in range(MOST_STRAY_LINES):
            if self._value(execute, "ping"):
                return
            execute(call_text(uuid.uuid4().hex, "realign", ()))
        raise SessionError(BROKEN)

    def _value(self, execute: Execute, operation: str, *arguments: Any) -> Any:
        request = uuid.uuid4().hex
        reply = read_reply(execute(call_text(request, operation, arguments)).text, request)
        return reply.value if reply else ""


# ---------------------------------------------------------------------------------------------------------- texts


@cache
def sources() -> dict[str, str]:
    """The agent's modules by the names that they get in the session. The package's name changes with their texts."""
    folder = files("fabric_livy_magic.agent") / "remote" / "agent"
    texts = {
        file.name.removesuffix(".py"): file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".py")
    }
    package = f"fabric_livy_agent_{hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]}"
    return {package if name == "__init__" else f"{package}.{name}": text for name, text in texts.items()}


def package_name() -> str:
    return next(iter(sources()))


@cache
def install_text() -> str:
    install = (files("fabric_livy_magic.agent") / "remote" / "install.py").read_text(encoding="utf-8")
    return f"{install}\n\n_fabric_livy_install({literal(package_name())}, {literal(sources())})\n"


def call_text(request: str, operation: str, arguments: Sequence[Any]) -> str:
    """The statement of one call. User text stands in it as a literal that can be read in the Monitoring hub."""
    words = ", ".join(literal(argument) for argument in (request, operation, *arguments))
    return f"import {package_name()} as {CALLED_AS}\n{CALLED_AS}.answer({words})\n"


def read_call(code: str) -> tuple[str, str, list[Any]] | None:
    """(request, operation, arguments) of what `call_text` wrote, by any version of the agent; None for other code."""
    if CALLED_AS not in code:
        return None
    try:
        call = ast.parse(code).body[-1].value  # type: ignore[attr-defined]
        if ast.unparse(call.func) != f"{CALLED_AS}.answer":
            return None
        request, operation, *arguments = map(ast.literal_eval, call.args)
    except (SyntaxError, ValueError, AttributeError, IndexError, RecursionError):
        return None
    return request, operation, arguments


def is_install(code: str) -> bool:
    return "_fabric_livy_install(" in code


_AS_THEY_ARE = {"\n": "\n", "\t": "\t", "\\": "\\\\"}


def literal(value: Any) -> str:
    """JSON's values as a Python literal; a text of several lines keeps its lines."""
    if isinstance(value, str):
        return _text_literal(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _text_literal(text: str) -> str:
    if "\n" not in text:
        return repr(text)
    kept = "".join(_AS_THEY_ARE.get(one) or (one if one.isprintable() else ascii(one)[1:-1]) for one in text)
    kept = kept.replace('"""', r"\"\"\"")
    return '"""\\\n' + (kept[:-1] + r"\"" if kept.endswith('"') else kept) + '"""'


# ---------------------------------------------------------------------------------------------------------- replies


def read_reply(text: str, request: str) -> Reply | None:
    """The reply to this request and no other; None where it is not there as a whole."""
    head = re.search(rf"\n?\[fabric-livy {re.escape(request)} (\d+)\]\n", text)
    if head is None:
        return None
    begin, end = head.end(), head.end() + int(head[1])
    foot = f"\n[/fabric-livy {request}]"
    if not text.startswith(foot, end):
        return None
    try:
        found = json.loads(text[begin:end])
    except ValueError:
        return None
    outside = text[: head.start()] + text[end + len(foot) :].removeprefix("\n")
    return Reply(tuple(found["events"]), found["value"], found["error"], outside)


def is_missing(output: Output) -> bool:
    return output.status == "error" and output.ename == "ModuleNotFoundError" and package_name() in output.evalue


def is_protocol_error(output: Output) -> bool:
    """The server could not read what the shell wrote: it names the Java class of its JSON reader's exception."""
    return "jackson" in output.ename or output.ename.endswith(("JsonParseException", "MismatchedInputException"))
