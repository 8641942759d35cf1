"""Batches of a target: submitted with their files, found, listed; and one of them, as the public Python API has it."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from fabric_livy_magic.cells.batch_options import JAR, PYTHON, BatchRequest
from fabric_livy_magic.cells.batch_script import BatchScript, is_notebook, script_of_cell, script_of_notebook
from fabric_livy_magic.cells.session_request import ENVIRONMENT_CONF, environment_details, read_configuration
from fabric_livy_magic.errors import FabricLivyError, HttpError, SettingsError
from fabric_livy_magic.livy.batch_logs import BatchLog
from fabric_livy_magic.livy.batch_request import BatchSpec
from fabric_livy_magic.livy.batches import (
    NOTEBOOK,
    TERMINAL,
    BatchSubmission,
    Commands,
    exit_code_of,
    get_batch,
    new_batch_name,
    raise_for_end,
    wait_for_batch,
)
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.models import BatchInfo, BatchState
from fabric_livy_magic.livy.retries import may_have_acted
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.batch_files import BatchFiles
from fabric_livy_magic.sessions.run_links import run_link
from fabric_livy_magic.settings import SessionSpec, Target

Say = Callable[[str], None]


class Batch:
    """One batch, on the server. It goes on when nobody waits for it, and after this program has ended."""

    def __init__(self, client: LivyClient, info: BatchInfo, commands: Commands = TERMINAL) -> None:
        self._client = client
        self._commands = commands
        self.last_info = info
        """The latest that was read; `info` reads it from the server."""

    def __repr__(self) -> str:
        return f"Batch({self.name!r}, id={self.id!r}, state={self.last_info.state.value!r})"

    @property
    def id(self) -> str:
        return self.last_info.id

    @property
    def name(self) -> str:
        return self.last_info.name or self.id

    @property
    def run_link(self) -> str:
        """Its page in the Monitoring hub; empty where there is none."""
        return run_link(self._client.http.base_url, self.id)

    def info(self) -> BatchInfo:
        """As the server has it now. Raises NotFoundError where it has it no more."""
        self.last_info = get_batch(self._client, self.id, self._commands)
        return self.last_info

    @property
    def state(self) -> str:
        """Read from the server until it has ended: starting, running, success, dead, killed, …"""
        return (self.last_info if self.last_info.state.has_ended else self.info()).state.value

    @property
    def reason(self) -> str:
        """Why it ended, in the server's words."""
        return self.last_info.reason

    @property
    def exit_code(self) -> int | None:
        """Of its program, as far as the server says it."""
        return 0 if self.last_info.state is BatchState.SUCCESS else exit_code_of(self.last_info)

    def wait(self, timeout_s: float | None = None, *, on_progress: Listener | None = None) -> Self:
        """Until it has ended. Raises BatchFailed where it did without success; WaitTimeout after `timeout_s`. Neither that nor an
        interrupt ends the batch."""
        self.last_info = wait_for_batch(
            self._client, self.last_info, commands=self._commands, timeout_s=timeout_s, on_progress=on_progress
        )
        self.raise_for_end()
        return self

    def raise_for_end(self) -> None:
        """Raises BatchFailed where it has ended without success."""
        if not self.last_info.state.has_ended or self.last_info.state is BatchState.SUCCESS:
            return
        log: list[str] = []
        with contextlib.suppress(FabricLivyError):  # its end is being told, and a log that is missing must not hide it
            log = [line for lines in self._log().new_lines(self.last_info).values() for line in lines]
        raise_for_end(self.last_info, log, self.run_link)

    def logs(self, lines: int | None = None) -> list[str]:
        """What it has printed so far, at most `lines` from the end of each stream, which stand below their names where both have
        something. A program in Python writes both to `stdout`."""
        streams = {name: found for name, found in self._log().new_lines(self.info()).items() if found}
        shown = []
        for name, found in streams.items():
            shown += [*([f"{name}:"] if len(streams) > 1 else []), *(found[-lines:] if lines else found)]
        return shown

    def follow(self, write: Callable[[str], object] = print) -> Self:
        """Each line of its log as it comes, until it has ended, whatever its end; an interrupt ends the following alone."""
        log = self._log()

        def look(info: BatchInfo) -> None:
            for lines in log.new_lines(info).values():
                for line in lines:
                    write(line)

        self.last_info = wait_for_batch(self._client, self.last_info, commands=self._commands, on_look=look)
        return self

    def _log(self) -> BatchLog:
        return BatchLog(self._client, self.id)

    def cancel(self) -> bool:
        """False where it had ended already, and so is left as it is: Apache Livy would forget it with its log."""
        if self.info().state.has_ended:
            return False
        self._client.cancel_batch(self.id)
        with contextlib.suppress(HttpError):  # Apache Livy has it no more
            self.last_info = self._client.get_batch(self.id)
        return True


@dataclass
class Batches:
    """Those of one target. `commands`: those of its messages."""

    account: Account
    target: Target
    commands: Commands = NOTEBOOK

    @property
    def client(self) -> LivyClient:
        return self.account.client(self.target)

    def get(self, batch_id: str) -> Batch:
        """Raises NotFoundError."""
        return Batch(self.client, get_batch(self.client, batch_id, self.commands), self.commands)

    def list(self) -> list[BatchInfo]:
        """Those that the server keeps, the latest first."""
        found = self.client.list_batches()
        return sorted(found, key=_submitted_at, reverse=True)

    def submit(
        self,
        request: BatchRequest,
        *,
        cell: str | None = None,
        on_progress: Listener | None = None,
        say: Say = lambda line: None,
    ) -> Batch:
        """Uploads its files and submits it once. `cell`: Python that is submitted as its file. Raises SettingsError for what cannot be
        one, HttpError, CapacityError."""
        _check(request, is_cell=cell is not None)
        client = self.client
        own_name = new_batch_name(_stem(request.file))
        files = BatchFiles(client, lambda target: self.account.onelake(target, client=client), own_name, on_progress)
        with _program(request, cell) as (program, script):
            spec, left_out = requested_application(self.account, request, script)
            for line in left_out:
                say(f"Left out, since it has no effect in a batch: {line}")
            try:
                placed = BatchSpec(
                    file=files.upload(program) if isinstance(program, Path) else files.place(program),
                    args=request.args,
                    class_name=request.class_name or None,
                    jars=tuple(map(files.place, request.jars)),
                    py_files=tuple(map(files.place, request.py_files)),
                    session=spec,
                )
            except BaseException:
                _remove(files)
                raise
        for one in files.uploaded:
            say(f"Uploaded {one.local.name} to {one.path}")
        submission = BatchSubmission(client, placed, own_name, self.commands, on_progress)
        try:
            info = submission.send(capacity_wait_s=self.account.settings.capacity_wait_s)
        except HttpError as error:
            if not may_have_acted(error):  # else it may run
                _remove(files)
            raise
        return Batch(client, info if info.name else replace(info, name=submission.name), self.commands)


def requested_application(
    account: Account, request: BatchRequest, script: BatchScript | None
) -> tuple[SessionSpec, list[str]]:
    """What is asked for besides the files, and what of the notebook has no effect."""
    spec, environment = SessionSpec(), request.environment
    left_out = list(script.left_out) if script else []
    for body in script.configurations if script else ():
        asked = read_configuration(spec, body)
        spec = asked.spec
        if asked.environment and not request.environment:
            environment = asked.environment.id or asked.environment.name
        parts = {"defaultLakehouse": asked.lakehouse, "mountPoints": asked.mounts}
        left_out += [f"{name} of %%configure" for name, value in parts.items() if value]
    conf = {**spec.conf, **dict(request.conf)}
    if environment:
        conf[ENVIRONMENT_CONF] = environment_details(account.environment_id(environment))
    return replace(spec, name=request.name or spec.name, conf=conf), left_out


def batches_of_terminal(account: Account, target: str | None) -> Batches:
    """Those of the account's target, which `target` is where it was given with the command, and so has to be with the next one."""
    commands = Commands(TERMINAL.start, f" --target {shlex.quote(target)}") if target else TERMINAL
    return Batches(account, account.target, commands)


def _check(request: BatchRequest, *, is_cell: bool) -> None:
    if is_cell:
        return
    suffix = Path(request.file).suffix.lower()
    if request.class_name and suffix == PYTHON:
        raise SettingsError("--class names the main class of a jar; a .py file has none.")
    for path in request.jars:
        if Path(path).suffix.lower() != JAR:
            raise SettingsError(f"--jar takes a .jar file, not {path!r}.")


@contextlib.contextmanager
def _program(request: BatchRequest, cell: str | None) -> Iterator[tuple[Path | str, BatchScript | None]]:
    """The program: a file of this machine, which may be there for as long as this lasts, or a path or address as it was written."""
    local = Path(request.file).expanduser()
    if cell is None and not is_notebook(local):
        if local.suffix.lower() not in {PYTHON, JAR} and local.exists():
            raise SettingsError(f"{request.file}: a batch runs .py, .jar, or a notebook (.ipynb, x.Notebook).")
        yield request.file, None
        return
    script = script_of_notebook(local) if cell is None else script_of_cell(cell)
    with tempfile.TemporaryDirectory(prefix="fabric-livy-batch-") as folder:
        file = Path(folder) / f"{_stem(request.file)}{PYTHON}"
        file.write_text(script.text, encoding="utf-8")
        yield file, script


def _stem(file: str) -> str:
    path = Path(file)
    return path.parent.stem if path.stem == "notebook-content" else path.stem


def _remove(files: BatchFiles) -> None:
    """Nothing of a batch that was not submitted stays in the lakehouse."""
    with contextlib.suppress(FabricLivyError):
        files.remove()


def _submitted_at(info: BatchInfo) -> tuple[str, int]:
    """Fabric says when; Apache Livy counts."""
    return str(info.raw.get("submittedAt") or ""), int(info.id) if info.id.isdecimal() else 0
