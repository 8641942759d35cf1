"""One Scala cell, on the session's interpreter: by its statements, or by its lines as in Livy."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

from fabric_livy_magic.local.interpreters import scala_magics
from fabric_livy_magic.local.interpreters.outputs import Output, ok

SUCCESS, INCOMPLETE, FAILED = "Success", "Incomplete", "Error"
# What the compiler warns of, above an error: a count, or a warning with its line and a caret.
WARNINGS = re.compile(r"(?:warning: .*\n|<console>:\d+: warning: (?:.*\n)+?[ \t]*\^\n)+")
ELIDED = re.compile(r"\s+\.\.\. \d+ (elided|more)\s*")


class Interpreter(Protocol):
    """What a cell needs; see `ScalaInterpreter`."""

    def interpret(self, text: str) -> str: ...
    def read(self, code: str, line: int) -> int | str: ...
    def run_statement(self, index: int) -> str: ...
    def failed_line(self) -> int: ...
    def output_size(self) -> int: ...
    def output(self, begin: int, end: int | None = None) -> str: ...
    def failed(self, ename: str, evalue: str, traceback: list[str], printed: str) -> Output: ...
    def run_magic(self, name: str, argument: str, *, has_value: bool) -> Output: ...


class Cell(ABC):
    """The output of a magic replaces the output of what stands above it."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._scala_ran = False  # True after a line of Scala
        self._magic_output: Output | None = None  # the output of the last line, if it is a magic
        self._begin = 0  # byte offset in the output: what was written before is dropped
        self._begin_of_last = 0

    @abstractmethod
    def verdict(self, code: str) -> str:
        """Runs it; SUCCESS, INCOMPLETE or FAILED. Stops at the first error."""

    def run(self, code: str) -> Output:
        verdict = self.verdict(code)
        if verdict == INCOMPLETE:
            return self._failed("Error", "incomplete statement", [])
        if self._magic_output is not None:
            if verdict == SUCCESS:
                return self._magic_output
            return self._failed(self._magic_output["ename"], self._magic_output["evalue"], [])
        if verdict == SUCCESS:
            return ok({"text/plain": self._interpreter.output(self._begin)})
        lines = self.error_text().splitlines(keepends=True) or [""]
        # Scala 2.13 puts the caret before the message it belongs to.
        message = next((index for index, line in enumerate(lines) if line.strip() != "^"), 0)
        evalue = lines.pop(message).strip()
        return self._failed("Error", evalue or "the statement was interrupted", self.located(lines, code))

    def error_text(self) -> str:
        """Of the statement that failed; its first line says what is wrong."""
        return self._interpreter.output(self._begin_of_last)

    def located(self, traceback: list[str], code: str) -> list[str]:
        """The traceback with the place in the cell, where that is known."""
        return traceback

    def _failed(self, ename: str, evalue: str, traceback: list[str]) -> Output:
        printed = self._interpreter.output(0, self._begin_of_last).rstrip() if self._begin_of_last else ""
        return self._interpreter.failed(ename, evalue, traceback, printed)

    def _begin_next(self) -> int:
        return self._interpreter.output_size() if self._scala_ran else 0

    def _run_magic(self, magic: tuple[str, str]) -> str:
        self._begin_of_last = self._begin_next()
        self._magic_output = self._interpreter.run_magic(*magic, has_value=self._scala_ran)
        return SUCCESS if self._magic_output["status"] == "ok" else FAILED

    def _scala_has_run(self, begin: int) -> None:
        self._scala_ran = True
        self._begin_of_last = begin
        if self._magic_output is not None:
            self._magic_output, self._begin = None, begin


class ByLines(Cell):
    """As in Livy (AbstractSparkInterpreter.scala)."""

    def verdict(self, code: str) -> str:
        return run_lines(code, self._run_line, self._is_only_comments)

    def _run_line(self, line: str) -> str:
        if magic := scala_magics.read_magic(line):
            return self._run_magic(magic)
        begin = self._begin_next()
        verdict = self._interpreter.interpret(line)
        if verdict != INCOMPLETE:
            self._scala_has_run(begin)
        return verdict

    def _is_only_comments(self, text: str) -> bool:
        return self._interpreter.interpret(f"{{\n{text}\n}}") == SUCCESS


class ByStatements(Cell):
    """The whole cell is parsed before anything runs. Errors name the line of the cell."""

    def verdict(self, code: str) -> str:
        return run_parts(code, self._run_scala, self._run_magic)

    def _run_scala(self, text: str, line: int) -> str:
        begin = self._begin_next()
        count = self._interpreter.read(text, line)
        if isinstance(count, str):
            if count == FAILED:
                self._scala_has_run(begin)
            return count
        for index in range(count):
            begin = self._begin_next()
            verdict = self._interpreter.run_statement(index)
            self._scala_has_run(begin)
            if verdict != SUCCESS:
                return verdict
        return SUCCESS

    def error_text(self) -> str:
        """Without the warnings above it, which count as printed: Scala 2.13 warns of each `frame.count` without parentheses."""
        text = super().error_text()
        if warned := WARNINGS.match(text):
            self._begin_of_last += len(warned[0].encode())
        return text[warned.end() :] if warned else text

    def located(self, traceback: list[str], code: str) -> list[str]:
        line, lines = self._interpreter.failed_line(), code.split("\n")
        if not 0 < line <= len(lines):
            return traceback
        at = next((index for index, frame in enumerate(traceback) if ELIDED.fullmatch(frame)), len(traceback))
        return [*traceback[:at], f"  in line {line} of the cell: {lines[line - 1].strip()}\n", *traceback[at:]]


def run_lines(code: str, interpret: Callable[[str], str], is_only_comments: Callable[[str], bool]) -> str:
    """Runs `code` line by line; returns the last verdict. Stops at the first error.

    An incomplete line is joined with the next one and tried again. `is_only_comments` is called for code that is incomplete at
    the end: comments are, and they are no error.
    """
    lines = code.strip().split("\n")
    pending = ""
    for index, line in enumerate(lines):
        pending = f"{pending}\n{line}" if pending else line
        verdict = interpret(pending)
        if verdict == INCOMPLETE:
            if index == len(lines) - 1 and not is_only_comments(pending):
                return INCOMPLETE
            continue
        if verdict != SUCCESS:
            return verdict
        pending = ""
    return SUCCESS


def run_parts(code: str, run_scala: Callable[[str, int], str], run_magic: Callable[[tuple[str, str]], str]) -> str:
    """Runs `code`, cut at the lines that are magics; returns the last verdict. Stops at the first error.

    A line within Scala that is incomplete without it is no magic. `run_scala` gets the number of the first line, from 1.
    """
    pending, began = "", 0
    for line, text in _parts(code):
        magic = None if pending else scala_magics.read_magic(text)
        if magic:
            verdict = run_magic(magic)
        else:
            pending, began = (f"{pending}\n{text}", began) if pending else (text, line)
            verdict = run_scala(pending, began)
            if verdict == INCOMPLETE:
                continue
            pending = ""
        if verdict != SUCCESS:
            return verdict
    return INCOMPLETE if pending else SUCCESS


def _parts(code: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) of each magic, and of the lines before, between and after them."""
    lines = code.split("\n")
    first = 0
    for index, line in enumerate(lines):
        if scala_magics.read_magic(line):
            if first < index:
                yield first + 1, "\n".join(lines[first:index])
            yield index + 1, line
            first = index + 1
    if first < len(lines):
        yield first + 1, "\n".join(lines[first:])
