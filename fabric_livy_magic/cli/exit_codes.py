"""What the exit code of every command means: the one table, which `fabric-livy --help` and docs/cli.md show."""

from __future__ import annotations

DONE = 0
FAILED = 1
WRONG_USE = 2
TIMED_OUT = 124  # as coreutils' timeout says it
INTERRUPTED = 130  # as a shell says it of a program that SIGINT has ended: 128 + 2
READER_LEFT = 141  # 128 + SIGPIPE

EXIT_CODES = {
    DONE: "done; of a batch that was waited for: it has succeeded",
    FAILED: "code, a cell, a test, a check or a batch failed, or a server refused, could not be reached or lost the session",
    WRONG_USE: "wrong use: an option, a setting, a file or a target that does not fit; nothing ran",
    TIMED_OUT: "the time of --timeout has passed: a statement was cancelled, a batch goes on",
    INTERRUPTED: "interrupted by Ctrl-C: a statement was cancelled, a batch goes on",
    READER_LEFT: "whoever read the output, such as `head`, has enough",
}


def exit_codes_text() -> str:
    lines = [f"  {code:<3}  {meaning}" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["exit codes, of every command:", *lines])
