"""One notebook as the magics see it: its runner, made with the first use, and how a session is started before a person's eyes."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.defaults import REPOSITORY_CONF, VALUE_SET_CONF, Defaults, defaults_of
from fabric_livy_magic.notebooks.repository import repository_root
from fabric_livy_magic.output.bundles import has_other_place, show
from fabric_livy_magic.output.progress import ProgressLine, progress_line, session_line
from fabric_livy_magic.output.results import Look
from fabric_livy_magic.own_imports import working_folder
from fabric_livy_magic.printable import printable
from fabric_livy_magic.sessions.records import notebook_path
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.widgets.cancel_button import cancel_button

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fabric_livy_magic.fabric.notebook_items import WorkspaceNotebooks
    from fabric_livy_magic.notebooks.model import Notebook
    from fabric_livy_magic.sessions.runner import Runner
    from fabric_livy_magic.sessions.session import Session
    from fabric_livy_magic.settings import Target


class LivyNotebook:
    """The runner, and with it the HTTP library, is loaded with the first use."""

    def __init__(self, shell: InteractiveShell, *, is_of_session: bool = False) -> None:
        self.shell = shell
        self.variables: dict[str, Any] = shell.user_ns
        self.mounts: tuple[tuple[str, str], ...] = ()
        """Of `%%configure`: (source, mount point), mounted in each session that starts."""
        self.is_of_session = is_of_session
        """Whether a bare cell runs in the session: its variables are what a name means first."""
        self._runner: Runner | None = None
        self._workspace_notebooks: dict[str, WorkspaceNotebooks] = {}
        self._has_offered = False
        self._lines: weakref.WeakSet[ProgressLine] = weakref.WeakSet()
        self.when_cell_runs: Callable[[], None] = lambda: None
        """Called when a cell or a command begins; the panel's."""

    @property
    def runner(self) -> Runner:
        if self._runner is None:
            from fabric_livy_magic.sessions.runner import Runner

            self._runner = Runner(notebook=self._path())
            if not self._runner.settings.target and (target := self._defaults().target):
                self._runner.account.choose("target", target)
        return self._runner

    def close(self) -> None:
        """Stops the sessions that this notebook started."""
        if self._runner is not None:
            self.say(*self._runner.close())

    def end(self, within_s: float) -> None:
        """See `NotebookSessions.end`."""
        if self._runner is not None:
            self._runner.sessions.end(within_s)

    def say(self, *lines: str) -> None:
        """Lines with names and texts of others in them."""
        for line in lines:
            show({"text/plain": printable(line)})

    def say_what_was_ignored(self) -> None:
        """What the project's file chose in vain: with the first command or cell, and again where the file changed."""
        if notice := self.runner.account.ignored_notice():
            self.say(*notice.splitlines())

    def agrees(self, question: str, without_person: str) -> bool:
        """Raises SettingsError with `without_person` where nobody can be asked."""
        try:
            return input(printable(question)).strip().lower() in {"y", "yes"}
        except (EOFError, RuntimeError):  # a kernel whose front end takes no input: IPython's StdinNotImplementedError
            raise SettingsError(f"Nobody can be asked here. {without_person}") from None

    def progress(self) -> ProgressLine:
        line = progress_line(self.runner.settings.progress, self.shell, cancel_button)
        if not has_other_place():
            self._lines.add(line)
            self.when_cell_runs()
        return line

    def lines_of_cells(self) -> list[ProgressLine]:
        """Of the cells that run."""
        return [line for line in list(self._lines) if line.is_open]

    @property
    def cell_number(self) -> int:
        """Of the running cell, as the front end shows it. The shell's own count is ahead of it in newer versions of IPython."""
        return int(self.shell.displayhook.prompt_count)

    def evaluate(self, expression: str) -> Any:
        """The user's own expression, among their own names."""
        with working_folder():
            return self.shell.ev(expression)

    def look(self, session: str | None = None) -> Look:
        """How a result of that session, or the current one, is shown."""
        settings, sessions = self.runner.settings, self.runner.sessions
        ran = sessions.get(session or sessions.current)
        return Look(settings.rows_shown, settings.rows_fetched, ran.run_link if ran else "")

    # ------------------------------------------------------------------------------------------- sessions
    def start_if_none(self, session: str | None, progress: ProgressLine) -> None:
        if session is None and all(one.given_up for one in self.runner.sessions.values()):
            self.start_session("No session yet: starting one", progress)

    def stop_session(self, name: str | None, what: str) -> str:
        """For code of the session that stops it. Returns what happened and how to go on; one that others may use is left."""
        sessions = self.runner.sessions
        session = sessions.find_also_lost(name)
        if not session.started_here:
            return f"{what} It was started elsewhere, so it is left: `%livy restart` ends it and starts a new one."
        sessions.stop(session.name)
        return f"{what} The next cell, or `%livy start`, starts a new one."

    def start_session(
        self,
        what: str,
        progress: ProgressLine,
        name: str | None = None,
        spec: SessionSpec | None = None,
        target: Target | None = None,
    ) -> Session:
        """Starts it with what the notebook's file adds to the request, and shows how it goes; `what` begins the line."""
        from fabric_livy_magic.sessions.start_times import note_start, start_kind, usual_start_text

        sessions = self.runner.sessions
        target = target or self.runner.account.target
        self._offer_what_was_left(target, progress)
        spec, lines = self.request(target, spec or sessions.spec)
        kind = start_kind(target.text, spec)
        progress.begins(f"{what} on {target.short_text}", usual_start_text(kind))
        for line in lines:
            progress.note(line)
        began = time.monotonic()
        session = sessions.start(name, spec, progress, target)
        note_start(kind, time.monotonic() - began)
        progress.note(session_line(session, time.monotonic() - began))
        if fallback := session.remote.last_info.fallback:
            progress.note(fallback)
        for source, point in self.mounts:
            self.runner.run(Cell(kind="pyspark", code=f"notebookutils.fs.mount({source!r}, {point!r})"), progress)
        return session

    def _offer_what_was_left(self, target: Target, progress: ProgressLine) -> None:
        """Once: sessions of this notebook's last kernel that run and cost."""
        if self._has_offered:
            return
        self._has_offered = True
        from fabric_livy_magic.sessions.own_sessions import left_running

        for record in left_running(self.runner, target):
            progress.note(
                f"This notebook's last kernel left a session that still runs (id {record.id}) and costs. To use that one: `%livy stop`, "
                "then `%livy attach --last`."
            )

    def request(self, target: Target, spec: SessionSpec) -> tuple[SessionSpec, list[str]]:
        """See `with_defaults`."""
        from fabric_livy_magic.sessions.notebook_choices import with_defaults

        runner = self.runner
        return with_defaults(runner.account, target, spec, self._defaults(), runner.sessions.default_lakehouse)

    # ------------------------------------------------------------------------------------------- its file
    def _defaults(self) -> Defaults:
        return defaults_of(self._path())

    def variable(self, reference: str) -> Any:
        """Of a variable library in the notebook's repository. Raises SettingsError."""
        from fabric_livy_magic.notebooks.variable_libraries import variable_value

        conf = self.runner.sessions.spec.conf
        root = conf.get(REPOSITORY_CONF) or os.environ.get("FABRIC_LIVY_NOTEBOOKS") or repository_root(self._path())
        return variable_value(Path(root), reference, conf.get(VALUE_SET_CONF, ""), self._path())

    def _path(self) -> Path:
        return notebook_path(self.variables)

    def workspace_notebook(self, name: str) -> tuple[str, Notebook] | None:
        """For `%run`: see `WorkspaceNotebooks.find`. Fetched once for each workspace, until the notebook ends."""
        from fabric_livy_magic.fabric.notebook_items import WorkspaceNotebooks

        if not self.runner.account.target.is_fabric_api:
            return None
        api, workspace_id = self.runner.account.workspace()
        if workspace_id not in self._workspace_notebooks:
            self._workspace_notebooks[workspace_id] = WorkspaceNotebooks(api, workspace_id)
        return self._workspace_notebooks[workspace_id].find(name)
