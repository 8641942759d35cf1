"""Runs dbt's commands, one after the other, in one process: `python dbt_commands.py RESULTS COMMAND…`, in dbt's own Python.

RESULTS gets a line of JSON for each: its words, whether it succeeded, what became of each node, and how many ran at once at most.
"""

import json
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner


def at_once(results: list[Any]) -> int:
    """The most nodes that ran at one time."""
    times = [(one.started_at, one.completed_at) for node in results for one in node.timing if one.name == "execute"]
    return max((sum(began <= moment < ended for began, ended in times) for moment, _ in times), default=0)


def main(file: str, *commands: str) -> None:
    with Path(file).open("w", encoding="utf-8") as results:
        for command in commands:
            done = dbtRunner().invoke(command.split())
            ran = [one for one in getattr(done.result, "results", []) if hasattr(one, "node")]
            report = {
                "command": command,
                "success": done.success,
                "nodes": {one.node.name: one.status for one in ran},
                "at_once": at_once(ran),
                "error": str(done.exception or ""),
            }
            print(json.dumps(report), file=results, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
