"""The client of the agent (`remote/agent`): installs it in a session, calls it, reads its replies.

A reply counts only if it carries the id of its request. A Livy shell that got a stray line on descriptor 1 gives each
statement the output of an earlier one; it is realigned, or declared broken.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from fabric_livy_magic.errors import AnswerTooLarge, NoAgent, SessionError, WaitTimeout
from fabric_livy_magic.livy.endings import interpreter_died, statement_error
from fabric_livy_magic.livy.json_answers import MOST_NESTED, NestedTooDeeply, read_json
from fabric_livy_magic.livy.models import Output

INSTALL_WITHIN_S = 300.0  # a session's Python that takes 20 kB of code for longer hangs


class Execute(Protocol):
    """Runs one PySpark statement and waits for it; `most_s` where it has a limit of its own."""

    def __call__(self, code: str, most_s: float = ...) -> Output: ...


MODULE_ALIAS = "_fabric_livy"  # as in remote/agent/__init__.py
MOST_STRAY_LINES = 8
STILL_INSTALLING = (
    "The session's Python was still taking this package's own code, as with the first cell of each session. Where it does not end, "
    "`%livy restart` starts the session anew."
)
ERROR_KEYS = ("ename", "evalue", "traceback", "full", "suggestion", "sql")
IDEMPOTENT = {
    "ping",
    "last_reply",
    "piece",
    "close_frame",
    "stream_piece",
    "close_stream",
    "receive",
}  # these may be called twice
BROKEN = (
    "The session's Python shell is out of step: it answers with the output of earlier statements, because something wrote to "
    "its standard output past Python. `%livy stop` and a new session mend it; SQL and Scala cells still work in this one."
)


@dataclass(frozen=True)
class Reply:
    """`events` are dicts in order: {stream, text}, {data, metadata, result?} or {frame, result?} (remote/agent/output.py).

    `shell_output` is what the shell printed before and after the reply.
    """

    events: tuple[Mapping[str, Any], ...] = field(repr=False)
    value: Any = field(default=None, repr=False)
    error: Mapping[str, str] | None = field(default=None, repr=False)
    shell_output: str = field(default="", repr=False)
    statement: int | None = None


@dataclass
class Agent:
    """The agent of one session. `call` is thread-safe."""

    unavailable: NoAgent | None = None
    first_calls: Sequence[Sequence[Any]] = field(default_factory=lambda: first_calls_of(os.environ))
    """Operations with their arguments, each of which is called whenever the agent was installed."""
    _installed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def call(self, execute: Execute, operation: str, *arguments: Any) -> Reply:
        """Runs one operation, whose own error is in the reply. Raises NoAgent, SessionError for a shell that is out of step, and
        StatementError where the statement failed outside the agent."""
        self._install_once(execute)
        request = uuid.uuid4().hex
        code = call_text(request, operation, arguments)
        output = execute(code)
        if interpreter_died(output):
            self.unavailable = NoAgent("its Python process has ended")
        if is_agent_missing(output):  # Python was restarted in the session; the call did not run
            self._installed = False
            self._install_once(execute)
            output = execute(code)
        reply = read_reply(output.text, request) or self._recover_reply(execute, request, operation, arguments, output)
        return replace(reply, statement=output.statement)

    def expect(self) -> None:
        """It was installed by another process; a call that finds none installs it."""
        self._installed = True

    def _install_once(self, execute: Execute) -> None:
        with self._lock:
            if self.unavailable:
                raise self.unavailable
            if self._installed:
                return
            try:
                output = execute(install_text(), INSTALL_WITHIN_S)
            except WaitTimeout as error:
                raise WaitTimeout(f"{error} {STILL_INSTALLING}") from None
            if output.status == "error":
                self.unavailable = NoAgent(f"{output.ename}: {output.evalue}".strip(": "))
                raise self.unavailable
            for operation, *arguments in self.first_calls:
                execute(call_text(uuid.uuid4().hex, operation, arguments))
            self._installed = True

    def _recover_reply(
        self, execute: Execute, request: str, operation: str, arguments: Sequence[Any], output: Output
    ) -> Reply:
        """The reply that is not in the statement's output. Raises where the statement failed for another reason."""
        if output.status == "error" and not is_protocol_error(output):
            raise statement_error(output)
        with self._lock:
            self._realign(execute)
            if operation in IDEMPOTENT:
                text = execute(call_text(request, operation, arguments)).text
            else:
                text = self._value_of(execute, "last_reply", request)
        if reply := read_reply(text, request):
            return reply
        raise SessionError(
            "The session's Python shell gave another statement's output for this cell, and its own could not be had. The shell is in "
            "step again, but whether this cell ran is not known: look at what it was to change before you run it again."
        )

    def _realign(self, execute: Execute) -> None:
        """Each round removes one stray line from the shell's output."""
        for _ in range(MOST_STRAY_LINES):
            if self._value_of(execute, "ping"):
                return
            execute(call_text(uuid.uuid4().hex, "realign", ()))
        raise SessionError(BROKEN)

    def _value_of(self, execute: Execute, operation: str, *arguments: Any) -> Any:
        request = uuid.uuid4().hex
        reply = read_reply(execute(call_text(request, operation, arguments)).text, request)
        return reply.value if reply else ""


FIRST_CALLS_VARIABLE = "FABRIC_LIVY_FIRST_CALLS"
"""JSON, for the kernel of a notebook that is tested: `testing` sets it, no person does."""


def first_calls_of(environ: Mapping[str, str]) -> list[list[Any]]:
    return list(json.loads(environ.get(FIRST_CALLS_VARIABLE) or "[]"))


# ---------------------------------------------------------------------------------------------------------- texts


@cache
def agent_sources() -> dict[str, str]:
    """Module name in the session → text, of the agent's modules. The package's name contains a hash of all texts."""
    folder = files("fabric_livy_magic.agent") / "remote" / "agent"
    texts = {
        file.name.removesuffix(".py"): file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".py")
    }
    package = f"fabric_livy_agent_{hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]}"
    return {package if name == "__init__" else f"{package}.{name}": text for name, text in texts.items()}


def package_name() -> str:
    return next(iter(agent_sources()))


@cache
def install_text() -> str:
    install = (files("fabric_livy_magic.agent") / "remote" / "install.py").read_text(encoding="utf-8")
    return f"{install}\n\n_fabric_livy_install({literal(package_name())}, {literal(agent_sources())})\n"


def call_text(request: str, operation: str, arguments: Sequence[Any]) -> str:
    """The statement of one call. User code is a literal in it that can be read in the Monitoring hub."""
    literals = ", ".join(literal(argument) for argument in (request, operation, *arguments))
    return f"import {package_name()} as {MODULE_ALIAS}\n{MODULE_ALIAS}.answer({literals})\n"


def read_call(code: str) -> tuple[str, str, list[Any]] | None:
    """(request, operation, arguments) of what `call_text` wrote, by any version of the agent; None for other code."""
    if MODULE_ALIAS not in code:
        return None
    try:
        call = ast.parse(code).body[-1].value  # type: ignore[attr-defined]
        if ast.unparse(call.func) != f"{MODULE_ALIAS}.answer":
            return None
        request, operation, *arguments = map(ast.literal_eval, call.args)
    except (SyntaxError, ValueError, AttributeError, IndexError, RecursionError):
        return None
    return request, operation, arguments


def package_of_call(code: str) -> str:
    """The agent's package that such a statement calls; empty for other code."""
    found = re.match(rf"import (fabric_livy_agent_[0-9a-f]{{12}}) as {MODULE_ALIAS}\n", code)
    return found[1] if found else ""


def is_install(code: str) -> bool:
    return "_fabric_livy_install(" in code


_QUOTES_TO_ESCAPE = re.compile(r'"{3,}|"+\Z')
_CHARACTER_LITERALS = {"\n": "\n", "\t": "\t", "\\": "\\\\"}


def literal(value: Any) -> str:
    """A JSON value as a Python literal; a text of several lines keeps its lines."""
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
    escaped = "".join(_CHARACTER_LITERALS.get(one) or (one if one.isprintable() else ascii(one)[1:-1]) for one in text)
    return '"""\\\n' + _QUOTES_TO_ESCAPE.sub(lambda quotes: r"\"" * len(quotes[0]), escaped) + '"""'


# ---------------------------------------------------------------------------------------------------------- replies


_HEAD = re.compile(r"\n?\[fabric-livy (?P<request>\S+) (?P<length>[0-9]{1,15})\]\n")


def read_reply(text: str, request: str) -> Reply | None:
    """The reply to this request and no other; None where it is missing, incomplete or no reply. Raises AnswerTooLarge."""
    head = next((found for found in _HEAD.finditer(text) if found["request"] == request), None)
    if head is None:
        return None
    begin, end = head.end(), head.end() + int(head["length"])
    foot = f"\n[/fabric-livy {request}]"
    if not text.startswith(foot, end):
        return None
    try:
        reply = read_json(text[begin:end], float)
        events, value, error = reply["events"], reply["value"], reply["error"]
    except NestedTooDeeply:
        raise AnswerTooLarge(
            f"The cell shows a value that is nested more than {MOST_NESTED} deep, which is not read. Show less of it."
        ) from None
    except (ValueError, TypeError, LookupError):
        return None
    if not (isinstance(events, list) and all(map(is_event, events)) and (error is None or _is_error(error))):
        return None
    shell_output = text[: head.start()] + text[end + len(foot) :].removeprefix("\n")
    return Reply(tuple(events), value, error, shell_output)


def is_event(event: Any) -> bool:
    if not isinstance(event, Mapping):
        return False
    if "stream" in event:
        return isinstance(event["stream"], str) and isinstance(event.get("text"), str)
    return "frame" in event or (isinstance(event.get("data"), Mapping) and isinstance(event.get("metadata"), Mapping))


def _is_error(error: Any) -> bool:
    return isinstance(error, Mapping) and all(isinstance(error.get(key), str) for key in ERROR_KEYS)


def is_agent_missing(output: Output) -> bool:
    return output.status == "error" and output.ename == "ModuleNotFoundError" and package_name() in output.evalue


def is_protocol_error(output: Output) -> bool:
    """The server could not parse what the shell wrote: the error is a Java exception of its JSON parser."""
    return "jackson" in output.ename or output.ename.endswith(("JsonParseException", "MismatchedInputException"))
