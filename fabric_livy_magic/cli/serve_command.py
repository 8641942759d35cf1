"""`fabric-livy serve`: an embedded Fabric that several notebooks can use."""

from __future__ import annotations

import argparse

from fabric_livy_magic.local.serve import add_serve_arguments, run_serve


def add_serve_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="run an embedded Fabric that several notebooks can use")
    add_serve_arguments(serve)
    serve.set_defaults(command=run_serve)
