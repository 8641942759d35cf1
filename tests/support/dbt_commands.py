"""Runs dbt's commands, one after the other, in one process: `python dbt_commands.py RESULTS COMMAND…`, in dbt's own Python.

RESULTS gets a line of JSON for each: its words, whether it succeeded, and what became of each node.
"""

import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner


def main(file: str, *commands: str) -> None:
    with Path(file).open("w", encoding="utf-8") as results:
        for command in commands:
            done = dbtRunner().invoke(command.split())
            nodes = {one.node.name: one.status for one in getattr(done.result, "results", []) if hasattr(one, "node")}
            report = {"command": command, "success": done.success, "nodes": nodes, "error": str(done.exception or "")}
            print(json.dumps(report), file=results, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
