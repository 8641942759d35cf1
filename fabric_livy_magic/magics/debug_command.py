"""`%livy debug`: a debugger may attach to the Python of a session on this machine."""

from __future__ import annotations

import argparse
import json

from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.running import debugger

WHO_MAY = (
    "Every program of this machine can open that port, and whoever does can run code as you, until `%livy debug stop` or the end of the "
    "session."
)


def debug(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    runner = notebook.runner
    if options.verb == "stop":
        with notebook.progress() as progress:
            was_there = runner.on_repl(lambda repl: debugger.stop(repl, progress), options.session, progress)
        return notebook.say("No debugger can attach any more." if was_there else "No debugger could attach.")
    if not runner.sessions:
        debugger.check_target(runner.account.target)  # before a session is started for it
    with notebook.progress() as progress:
        notebook.start_if_none(options.session, progress)
        found = runner.on_repl(lambda repl: debugger.listen(repl, options.port, progress), options.session, progress)
    name = runner.sessions.find(options.session).name
    notebook.say(
        f"A debugger can attach to the Python of session {name!r}: {found.host}:{found.port}. {WHO_MAY}",
        f"For VS Code, in launch.json:\n{json.dumps(launch_entry(name, found), indent=4)}",
    )
    if found.cells:
        files = "\n".join(f"  {label}: {path}" for label, path in found.cells)
        notebook.say(f"Cells that ran, as files that take breakpoints:\n{files}")
    return notebook.say("A cell that has not run yet stops at its `breakpoint()`.")


def launch_entry(session: str, found: debugger.Listening) -> dict[str, object]:
    return {
        "name": f"Fabric Livy session {session}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": found.host, "port": found.port},
        "justMyCode": True,
    }
