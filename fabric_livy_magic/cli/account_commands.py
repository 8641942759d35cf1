"""`fabric-livy login`, `logout`, `trust` and `doctor`: the sign-in of the person at the terminal, and what may be wrong with it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.cli.targets import say_what_was_ignored
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.signin.entra.sign_in import DevicePrompt


def add_account_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    login = commands.add_parser("login", help="sign in to Fabric, and show who it is")
    login.add_argument(
        "--method", help="browser, device, cli, secret, certificate, managed-identity, workload-identity, …"
    )
    login.add_argument("--tenant", help="tenant id or domain")
    login.add_argument("--client-id", metavar="ID", help="an app registration of your own")
    login.add_argument("--certificate", metavar="FILE", help="PEM or PFX file, for --method certificate")
    login.add_argument(
        "--send-chain", action="store_true", help="send the certificate's chain (subject name and issuer)"
    )
    login.add_argument("--json", action="store_true", help="who it is, as JSON")
    login.set_defaults(command=_login)

    logout = commands.add_parser("logout", help="forget the sign-in")
    logout.add_argument("--json", action="store_true", help="that it is done, as JSON")
    logout.set_defaults(command=_logout)

    trust = commands.add_parser("trust", help="let a project's pyproject.toml choose all that it names")
    trust.add_argument("file", nargs="?", type=Path, metavar="FILE", help="(default: that of this folder's repository)")
    trust.add_argument("--yes", action="store_true", help="without the question")
    trust.add_argument("--forget", action="store_true", help="trust it no longer")
    trust.add_argument("--list", action="store_true", help="show the files that are trusted")
    trust.add_argument("--json", action="store_true", help="with --list, as JSON")
    trust.set_defaults(command=_trust)

    doctor = commands.add_parser("doctor", help="check each step from sign-in to session")
    doctor.add_argument("--target", help="what `%%livy use` takes")
    doctor.add_argument("--json", action="store_true", help="findings as JSON")
    doctor.set_defaults(command=_doctor)


def _login(options: argparse.Namespace) -> int:
    from fabric_livy_magic.cells.subcommands import login_choices
    from fabric_livy_magic.output.account import device_prompt_text, identity_lines
    from fabric_livy_magic.output.lists import json_text
    from fabric_livy_magic.sessions.account import Account
    from fabric_livy_magic.signin.methods import UserPrompts, has_browser

    out = sys.stderr if options.json else sys.stdout

    def show(prompt: DevicePrompt) -> None:
        print(device_prompt_text(prompt), file=out, flush=True)

    def print_line(line: str) -> None:
        print(printable(line), file=out)

    account = Account()
    say_what_was_ignored(account)
    identity = account.login(
        UserPrompts(show_device_prompt=show, print_line=print_line, has_browser=has_browser()),
        **login_choices(options),
    )
    if options.json:
        print(json_text(asdict(identity)))
    for line in [*(() if options.json else identity_lines(identity)), account.login_notice()]:
        if line:
            print_line(line)
    return 0


def _logout(options: argparse.Namespace) -> int:
    from fabric_livy_magic.sessions.account import Account

    account = Account()
    say_what_was_ignored(account)
    account.logout()
    print('{"signed_out": true}' if options.json else "Signed out: no sign-in is kept on this machine any more.")
    return 0


def _trust(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.lists import json_text
    from fabric_livy_magic.settings_files import decide_trust, project_file, take_back_trust
    from fabric_livy_magic.trust import trusted_paths

    if options.json and not options.list:
        raise SettingsError("`fabric-livy trust --json` goes with --list.")
    if options.list:
        if options.json:
            print(json_text(trusted_paths()))
            return 0
        print(printable("\n".join(trusted_paths())) or "No file is trusted.")
        return 0
    path = options.file or project_file(Path.cwd())
    if path is None or not (path.is_file() or options.forget):
        raise SettingsError(f"There is no {path or 'pyproject.toml for this folder'}.")

    def agrees(what: str) -> bool:
        print(printable(what))
        if options.yes:
            return True
        if not sys.stdin.isatty():
            raise SettingsError(f"Nobody can be asked here. `fabric-livy trust {path} --yes` trusts it.")
        try:
            return input("Trust this file? [y/N] ").strip().lower() in {"y", "yes"}
        except EOFError:
            return False

    print(printable(take_back_trust(path) if options.forget else decide_trust(path, agrees)))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.account import findings_list
    from fabric_livy_magic.sessions.doctor import FAIL, examine
    from fabric_livy_magic.sessions.runner import Runner

    runner = Runner({"target": options.target} if options.target else None)
    try:
        findings = examine(runner)
    finally:
        runner.close()
    shown = findings_list(findings)
    print(shown.printed(as_json=options.json))
    return 1 if any(finding.verdict == FAIL for finding in findings) else 0
