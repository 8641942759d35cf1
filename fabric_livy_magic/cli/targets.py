"""Where a command works: its --target, and the account that belongs to it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.account import Account

NO_TARGET = (
    "No target was chosen: --target takes workspace/lakehouse, a Livy connection string, or local. `fabric-livy use` and "
    "FABRIC_LIVY_TARGET do the same for all commands."
)


def add_target(parser: argparse.ArgumentParser, what: str = "what `%%livy use` takes") -> None:
    parser.add_argument("--target", help=f"{what} (default: that of `fabric-livy use`, or FABRIC_LIVY_TARGET)")


def check_target(target: str | None) -> None:
    """Raises SettingsError where neither the option nor a setting names one."""
    from fabric_livy_magic.settings import resolve
    from fabric_livy_magic.settings_files import read_files

    if not target and not resolve(files=read_files()).target:
        raise SettingsError(NO_TARGET)


@contextmanager
def open_account(target: str | None, *, needs_target: bool = False) -> Iterator[Account]:
    """What it has started, an embedded Fabric for instance, ends with it."""
    from fabric_livy_magic.sessions.account import Account

    account = Account({"target": target} if target else None)
    say_what_was_ignored(account)
    if needs_target and not account.settings.target:
        raise SettingsError(NO_TARGET)
    try:
        yield account
    finally:
        account.close()


def say_what_was_ignored(account: Account) -> None:
    if notice := account.ignored_notice():
        say(notice)


def say(line: str) -> None:
    """To the person: standard output is for data."""
    print(printable(line), file=sys.stderr, flush=True)
