"""`fabric-livy kernel | config | completion`: what is set up once."""

from __future__ import annotations

import argparse
import sys

from fabric_livy_magic.cli.shell_completion import SHELLS, shell_script
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable


def add_setup_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_kernel_commands(commands)
    config = commands.add_parser("config", help="the settings: show, path of the user file, set or unset one there")
    config.add_argument("action", nargs="?", choices=("show", "path", "set", "unset"), default="show")
    config.add_argument("name", nargs="?", metavar="NAME", help="a setting")
    config.add_argument("value", nargs="?", metavar="VALUE", help="its new value")
    config.add_argument("--json", action="store_true", help="the settings as JSON")
    config.set_defaults(command=_config)

    completion = commands.add_parser(
        "completion",
        help="print the script that completes this program's words in your shell",
        description="Print the script that completes the words of fabric-livy in your shell.",
        epilog=COMPLETION_LINES,
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    completion.set_defaults(command=_completion)


COMPLETION_LINES = """in each shell, or in the file that it reads at its start:

  bash        eval "$(fabric-livy completion bash)"
  zsh         eval "$(fabric-livy completion zsh)"      # below the line with compinit
  fish        fabric-livy completion fish | source
  powershell  fabric-livy completion powershell | Out-String | Invoke-Expression"""


def _completion(options: argparse.Namespace) -> int:
    print(shell_script(options.shell))
    return 0


def _add_kernel_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    kernel = commands.add_parser("kernel", help="register the Fabric Livy kernels for Jupyter: kernel install")
    actions = kernel.add_subparsers(required=True, metavar="ACTION")
    install = actions.add_parser("install", help="write the kernel specs, with the path of this Python")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user (the default outside a virtual environment)")
    where.add_argument("--sys-prefix", action="store_true", help="into this Python's environment (the default in one)")
    where.add_argument("--prefix", metavar="FOLDER", help="into this folder's share/jupyter/kernels")
    install.add_argument("--json", action="store_true", help="the folders, as JSON")
    install.set_defaults(command=_install_kernels)


def _install_kernels(options: argparse.Namespace) -> int:
    from fabric_livy_magic.kernel.install import install_kernels
    from fabric_livy_magic.output.lists import json_text

    in_environment = sys.prefix != sys.base_prefix
    user = options.user or (not options.sys_prefix and not options.prefix and not in_environment)
    installed, left_alone = install_kernels(user=user, prefix=options.prefix or (None if user else sys.prefix))
    if options.json:
        print(json_text({"installed": list(map(str, installed)), "left_alone": list(map(str, left_alone))}))
        return 0
    for folder in installed:
        print(printable(f"Installed {folder}"))
    for folder in left_alone:
        print(
            printable(
                f"Left alone {folder}: it is another program's kernel. `jupyter kernelspec remove {folder.name}` makes room for ours."
            )
        )
    return 0


def _config(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.account import settings_list
    from fabric_livy_magic.settings import explain, resolve
    from fabric_livy_magic.settings_files import (
        ignored_notice,
        read_files,
        remove_user_setting,
        user_file,
        write_user_setting,
    )

    if options.action == "path":
        print(printable(str(user_file())))
        return 0
    if options.action == "set":
        if options.name is None or options.value is None:
            raise SettingsError("`fabric-livy config set NAME VALUE` takes a name and a value.")
        write_user_setting(options.name, options.value)
    if options.action == "unset":
        if options.name is None:
            raise SettingsError("`fabric-livy config unset NAME` takes a name.")
        remove_user_setting(options.name)
    files = read_files()
    shown = settings_list(explain(resolve(files=files)))
    print(shown.printed(as_json=options.json))
    if notice := ignored_notice(files):
        print(printable(notice), file=sys.stderr if options.json else sys.stdout)
    return 0
