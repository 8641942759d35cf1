"""The subcommands of `%livy`, as a person sees them: what they do to the notebook's sessions and settings, and what they show."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from fabric_livy_magic.cells.cell import Cell, check_variable
from fabric_livy_magic.cells.subcommands import Command, login_choices
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.defaults import Defaults, defaults_of
from fabric_livy_magic.output import display
from fabric_livy_magic.sessions.records import notebook_path
from fabric_livy_magic.settings import SessionSpec, explain, read_files, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from fabric_livy_magic.fabric.api import Item
    from fabric_livy_magic.fabric.notebook_items import WorkspaceNotebooks
    from fabric_livy_magic.notebooks.model import Notebook
    from fabric_livy_magic.sessions.runner import Runner
    from fabric_livy_magic.sessions.session import Session
    from fabric_livy_magic.settings import Target
    from fabric_livy_magic.signin.methods import Person


class LivyCommands:
    """Of one notebook. The runner, and with it the HTTP library, is loaded with the first use."""

    def __init__(self, shell: InteractiveShell | None) -> None:
        self.shell = shell
        self._runner: Runner | None = None
        self._mounts: tuple[tuple[str, str], ...] = ()
        self._included_from: dict[str, WorkspaceNotebooks] = {}

    @property
    def runner(self) -> Runner:
        if self._runner is None:
            from fabric_livy_magic.sessions.runner import Runner

            self._runner = Runner(notebook=self._notebook())
            if not self._runner.settings.target and (target := self._defaults().target):
                self._runner.choose("target", target)
        return self._runner

    @property
    def language(self) -> str:
        """Of a cell without a magic in the Fabric Livy kernel. Asking for it loads no runner."""
        return (self._runner.settings if self._runner else resolve({}, {}, files=read_files())).language

    def close(self) -> None:
        """Stops the sessions that this notebook started."""
        if self._runner is not None:
            for line in self._runner.close():
                print(line)

    def start_if_none(self, session: str | None, progress: display.ProgressLine) -> None:
        if session is None and not self.runner.sessions:
            self.start_session("No session yet: starting one", progress)

    def start_session(
        self,
        what: str,
        progress: display.ProgressLine,
        name: str | None = None,
        spec: SessionSpec | None = None,
        target: Target | None = None,
    ) -> Session:
        from fabric_livy_magic.sessions.notebook_choices import with_defaults

        target = target or self.runner.target
        progress.note(f"{what} on {target.text} …")
        spec, told = with_defaults(self.runner, target, spec or self.runner.spec, self._defaults())
        for line in told:
            progress.note(line)
        began = time.monotonic()
        session = self.runner.start(name, spec, progress, target)
        progress.note(display.session_line(session, time.monotonic() - began))
        if fallback := session.remote.last.fallback:
            progress.note(fallback)
        for source, point in self._mounts:
            self.runner.run(Cell(kind="pyspark", code=f"notebookutils.fs.mount({source!r}, {point!r})"), progress)
        return session

    def _notebook(self) -> Path:
        return notebook_path(self.shell.user_ns if self.shell else {})

    def _defaults(self) -> Defaults:
        return defaults_of(self._notebook())

    def workspace_notebook(self, name: str) -> tuple[str, Notebook] | None:
        """For `%run`: see `WorkspaceNotebooks.find`. Fetched once for each workspace, until the notebook ends."""
        from fabric_livy_magic.fabric.notebook_items import WorkspaceNotebooks

        if not self.runner.target.is_fabric_api:
            return None
        api, workspace_id = self.runner.workspace()
        if workspace_id not in self._included_from:
            self._included_from[workspace_id] = WorkspaceNotebooks(api, workspace_id)
        return self._included_from[workspace_id].find(name)

    def progress(self) -> display.ProgressLine:
        settings = self.runner.settings
        return display.progress_line(settings.progress, self.shell, settings.target or "the target")

    def do(self, command: Command) -> None:
        handler = {
            "use": self._use,
            "login": self._login,
            "logout": self._logout,
            "workspaces": self._workspaces,
            "lakehouses": self._lakehouses,
            "environments": self._environments,
            "tables": self._tables,
            "schema": self._schema,
            "doctor": self._doctor,
            "start": self._start,
            "status": self._status,
            "sessions": self._sessions,
            "attach": self._attach,
            "cancel": self._cancel,
            "restart": self._restart,
            "switch": self._switch,
            "logs": self._logs,
            "statements": self._statements,
            "log": self._log,
            "error": self._error,
            "stop": self._stop,
            "config": self._config,
        }[command.name]
        handler(command.options)

    def _say(self, *lines: str) -> None:
        for line in lines:
            print(line)

    def _use(self, options: argparse.Namespace) -> None:
        target = self.runner.use(options.target)
        where = "an embedded Fabric on this machine, on real Spark" if target.is_embedded else target.url
        lines = [f"Target: {target.text} ({where})" if where and target.text != where else f"Target: {target.text}"]
        if running := [session.name for session in self.runner.sessions.values() if session.target != target]:
            lines.append(
                f"Sessions that run elsewhere stay there: {', '.join(running)}. `%livy start <name>` starts one here."
            )
        else:
            lines.append(self.runner.next_step())
        self._say(*lines)

    # ------------------------------------------------------------------------------------------- account

    def _login(self, options: argparse.Namespace) -> None:
        identity = self.runner.login(self._person(), **login_choices(options))
        self._say(*display.identity_lines(identity), *filter(None, [self.runner.login_notice()]))

    def _person(self) -> Person:
        from fabric_livy_magic.signin.methods import Person, has_browser

        return Person(show=display.show_device_prompt, say=self._say, has_browser=has_browser())

    def _logout(self, options: argparse.Namespace) -> None:
        self.runner.logout()
        self._say(
            "Signed out: no sign-in is kept on this machine any more. Sessions that run go on until they are stopped."
        )

    def _workspaces(self, options: argparse.Namespace) -> None:
        self._items("workspace", self.runner.api().workspaces())

    def _lakehouses(self, options: argparse.Namespace) -> None:
        api, workspace_id = self.runner.workspace(options.workspace)
        self._items("lakehouse", api.lakehouses(workspace_id))

    def _environments(self, options: argparse.Namespace) -> None:
        api, workspace_id = self.runner.workspace(options.workspace)
        self._items("environment", api.environments(workspace_id))

    def _items(self, what: str, found: list[Item]) -> None:
        if not found:
            return self._say(f"There is no {what} that this account can see.")
        return display.show(
            display.table_bundle([what, "id", "description"], [[i.name, i.id, i.description] for i in found])
        )

    def _tables(self, options: argparse.Namespace) -> None:
        found = self.runner.tables(options.pattern)
        if not found:
            return self._say("There is no such table." if options.pattern else "The lakehouse has no tables yet.")
        return display.show(display.table_bundle(["table", "format", "kind"], found))

    def _schema(self, options: argparse.Namespace) -> None:
        display.show(display.table_bundle(["column", "type", "comment"], self.runner.columns(options.table)))

    def _doctor(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.sessions.doctor import examine

        display.show(display.findings_bundle(examine(self.runner)))

    # ------------------------------------------------------------------------------------------- sessions

    def configure(self, line: str, cell: str) -> None:
        """What the next sessions are asked for, as JSON in the API's words, laid over what was asked before. -f: start anew."""
        words = set(line.split())
        if words - {"-f", "--force"}:
            raise SettingsError("%%livy_configure takes -f (start the running session anew) and a JSON body.")
        session = self.runner.sessions.get(self.runner.current)
        if session is not None and not words:
            raise SettingsError(
                "A session runs already and keeps what it was started with. `%%livy_configure -f` starts it anew; its variables are lost."
            )
        from fabric_livy_magic.cells.session_request import read_configuration
        from fabric_livy_magic.livy.client import session_body
        from fabric_livy_magic.sessions.notebook_choices import configure

        asked = read_configuration(self.runner.spec, cell)
        self._say(*configure(self.runner, asked))
        self._mounts = asked.mounts or self._mounts
        if body := session_body(self.runner.spec):
            self._say("The next session is asked for:", json.dumps(body, indent=2, ensure_ascii=False))
        if session is not None:
            self.runner.stop(session.name)
            self.start_session("Starting the session anew", self.progress(), session.name)

    def _start(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.cells.session_request import check_sizes, session_spec

        environment_id = self.runner.environment_id(options.environment) if options.environment else ""
        spec = session_spec(options, self.runner.spec, environment_id)
        if self.runner.target.is_fabric_api:
            check_sizes(spec)
        if options.keep and self.runner.target.is_embedded:
            raise SettingsError(
                "An embedded Fabric ends with its notebook, and its sessions with it. `fabric-livy serve` runs one that stays."
            )
        progress = self.progress()
        try:
            session = self.start_session("Starting a session", progress, options.session, spec)
            if options.keep:
                session.ours = False
                self.runner.remember(session)
                progress.note(
                    f"It goes on when this notebook ends, and costs until it is stopped. To come back: `%livy attach {session.id}`"
                )
        finally:
            progress.erase()

    def _status(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.magics import session_commands

        runner = self.runner
        if not runner.settings.target:
            return self._say("No target yet: `%livy use local`, or `%livy use <Livy connection string>`.")
        self._say(f"Target: {runner.target.text}")
        if not runner.sessions:
            return self._say("No session runs in this notebook; the first cell starts one.")
        rows = []
        for name, session in runner.sessions.items():
            state, app_id = runner.state_of(session)
            current, rest = "→" if name == runner.current else "", session_commands.rest_of(runner, session)
            rows.append([current, name, state, session.id, app_id, session.target.text, rest])
        return display.show(display.table_bundle(["", "name", "state", "id", "application", "target", "at rest"], rows))

    def _sessions(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.magics import session_commands

        if options.mine:
            return session_commands.show_mine(self.runner, self._say)
        mine = {session.id: name for name, session in self.runner.sessions.items()}
        found = self.runner.client().list_sessions()
        if not found:
            return self._say(f"There is no session on {self.runner.target.text}.")
        rows = [[info.id, info.name or "", info.state.value, info.owner or "", mine.get(info.id, "")] for info in found]
        return display.show(display.table_bundle(["id", "name", "state", "owner", "in this notebook"], rows))

    def _attach(self, options: argparse.Namespace) -> None:
        if options.last:
            return self._attach_last(options)
        if not options.id:
            raise SettingsError(
                "Which session? `%livy attach ID`, as `%livy sessions` shows it, or `%livy attach --last`."
            )
        session = self.runner.attach(options.id, options.name)
        self._say(f"Attached to session {session.id} as {session.name!r}. It goes on running when this notebook ends.")
        return None

    def _attach_last(self, options: argparse.Namespace) -> None:
        """Shows the result of the last statement of each session as its cell would have."""
        from fabric_livy_magic.magics import session_commands

        check_variable(options.output)
        progress = self.progress()
        try:
            for session in session_commands.attach_last(self.runner, self._say):
                ran = session_commands.show_statements(session)
                result = session_commands.collect_latest(session, ran, progress)
                if result is None:
                    continue
                if options.output and self.shell:
                    self.shell.user_ns[options.output] = result.value()
                display.show_parts(progress, result.parts, self.runner.settings.rows_shown, result.elapsed_s)
        finally:
            progress.erase()

    def _cancel(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.magics import session_commands

        self._say(*session_commands.cancel(self.runner, options.statement, options.session))

    def _restart(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.magics import session_commands

        session = session_commands.stop_for_restart(self.runner, options.session)
        progress = self.progress()
        try:
            self.start_session("Starting the session anew", progress, session.name, session.spec, session.target)
            progress.note("Its variables and temporary views are lost; tables are not. Nothing was run again.")
        finally:
            progress.erase()

    def _is_agreed(self, question: str) -> bool:
        try:
            return input(question).strip().lower() in {"y", "yes"}
        except (EOFError, RuntimeError):  # a kernel whose front end takes no input: IPython's StdinNotImplementedError
            raise SettingsError("Nobody can be asked here. `%livy stop --orphans --yes` stops them.") from None

    def _switch(self, options: argparse.Namespace) -> None:
        session = self.runner.switch(options.session)
        self._say(f"Current session: {session.name} (id {session.id} on {session.target.text})")

    def _logs(self, options: argparse.Namespace) -> None:
        lines = self.runner.logs(options.session)
        self._say(*(lines[-options.lines :] if lines else ["The log is empty."]))

    def _statements(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.magics.statement_commands import show_background

        show_background(self.runner.background)

    def _log(self, options: argparse.Namespace) -> None:
        from fabric_livy_magic.magics.statement_commands import log

        self._say(log(options.where, options.path))

    def _error(self, options: argparse.Namespace) -> None:
        error = self.runner.last_error
        if error is None:
            return self._say("No remote error so far.")
        return self._say(str(error), *(line.rstrip("\n") for line in error.traceback))

    def _stop(self, options: argparse.Namespace) -> None:
        if options.all and options.session:
            raise SettingsError("`%livy stop` takes a name or --all, not both.")
        if options.orphans:
            from fabric_livy_magic.magics import session_commands

            return session_commands.stop_orphans(
                self.runner, self._say, (lambda _: True) if options.yes else self._is_agreed
            )
        if not self.runner.sessions:
            return self._say("No session runs in this notebook.")
        for name in list(self.runner.sessions) if options.all else [options.session or self.runner.current]:
            there = self.runner.stop(name)
            self._say(f"Session {name!r} is stopped." if there else f"Session {name!r} was gone already.")
        return None

    def _config(self, options: argparse.Namespace) -> None:
        if options.value is not None:
            self.runner.choose(options.name, options.value)
        rows = [row for row in explain(self.runner.settings) if options.name in {None, row[0]}]
        if not rows:
            self.runner.choose(options.name, "")  # raises: no such setting
        display.show(display.table_bundle(["setting", "value", "from", "what it is"], rows))
