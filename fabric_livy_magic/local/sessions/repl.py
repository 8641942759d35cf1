"""One REPL: statements of all kinds run one at a time, in the order of their submission, as in Livy."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from fabric_livy_magic.local.interpreters.engines import Engine
from fabric_livy_magic.local.interpreters.outputs import Output, error, numbered
from fabric_livy_magic.local.sessions.statements import Statement, StatementStore, now_ms
from fabric_livy_magic.local.spark.jvm import JvmGone

INTERRUPT_AFTER_S = 0.2  # a cancelled Spark job mostly ends the statement by itself, with a better error
INTERRUPT_EVERY_S = 1.0
CANCEL_JOBS_EVERY_S = 0.1  # Livy's `livy.rsc.job-cancel.trigger-interval`
LATE_JOBS_S = 10.0  # Spark may plan for so long what it then starts for code that was interrupted meanwhile
STUCK_KIND = "shared"
FORCE_AFTER_S = 30.0  # Livy's `livy.rsc.job-cancel.timeout`


class ReplHost(Protocol):
    """What a REPL needs of its Spark application."""

    def before_statement(self) -> None: ...
    def before_finish(self) -> None: ...
    def cancel_jobs(self, group: str) -> None: ...
    def note(self, line: str) -> None: ...


class JobRunner(Protocol):
    """Its Python process."""

    @property
    def alive(self) -> bool: ...
    def run_job(self, request_file: str) -> None: ...


class Repl:
    """Takes statements from the beginning; they run from `start` on."""

    def __init__(
        self, host: ReplHost, repl_id: str = "", *, evicts_unfinished: bool = False, group_prefix: str = ""
    ) -> None:
        self.id = repl_id
        self._host = host
        self._group_prefix = f"{group_prefix}{repl_id}-" if repl_id else group_prefix
        self._engines: Mapping[str, Engine] = {}
        self._queue: queue.SimpleQueue[Statement | None] = queue.SimpleQueue()
        self._lock = threading.RLock()  # statement states
        self._interrupting = threading.Lock()  # an interrupt reaches its own statement or none
        self._running: tuple[Statement, Engine] | None = None
        self._store = StatementStore(evicts_unfinished=evicts_unfinished)
        self._unlisted: list[Statement] = []  # the unfinished ones; finished ones are dropped at the next
        self._unlisted_count = 0
        self._close_reason = ""
        self.python_died = False
        self.python: JobRunner | None = None
        """From its start on; for what runs beside its statements."""
        # Set by the HTTP handlers under quirks when a response exceeds `quirks.limits.LARGEST_ANSWER_BYTES`: Livy never
        # sends it, and no call about statements works from then on.
        self.channel_broken = False
        self.channel_closed = False  # since the first call on the broken channel
        self.last_active_ms = now_ms()
        self._thread = threading.Thread(target=self._run_queue, name="repl", daemon=True)

    def start(self, engines: Mapping[str, Engine], python: JobRunner | None = None) -> None:
        self._engines = engines
        self.python = python
        self.last_active_ms = now_ms()  # the time it took to start is no idle time
        self._thread.start()

    # ---- called by the API

    def submit(self, code: str, kind: str, source_id: str | None) -> Statement:
        with self._lock:
            return self._enqueue(self._store.add(code.replace("\r\n", "\n"), kind, source_id))

    def submit_stuck(self, code: str) -> Statement:
        """Livy's bug: it takes a statement of kind `shared`, which never runs, and holds up no other."""
        with self._lock:
            return self._store.add(code, STUCK_KIND, None)

    def submit_unlisted(self, code: str, kind: str) -> Statement:
        """Queued like any other, but in no list: for our own code on behalf of a request."""
        with self._lock:
            self._unlisted = [one for one in self._unlisted if not one.finished]
            self._unlisted_count += 1
            statement = Statement(-self._unlisted_count, code, kind)
            self._unlisted.append(statement)
            return self._enqueue(statement)

    def _enqueue(self, statement: Statement) -> Statement:
        self.last_active_ms = now_ms()
        if self._close_reason:
            self._end_unfinished(statement)
        else:
            self._queue.put(statement)
        return statement

    def touch(self) -> None:
        self.last_active_ms = now_ms()

    def statement(self, statement_id: int) -> Statement | None:
        return self._store.get(statement_id)

    def statements(self) -> list[Statement]:
        with self._lock:
            return self._store.all()

    @property
    def lock(self) -> threading.RLock:
        """Held while a view of a statement is made, so that the view is consistent."""
        return self._lock

    @property
    def busy(self) -> bool:
        with self._lock:
            listed = [statement for statement in self._store.all() if statement.kind != STUCK_KIND]
            unfinished = any(not statement.finished for statement in [*listed, *self._unlisted])
            return self._running is not None or unfinished

    @property
    def running(self) -> Statement | None:
        with self._lock:
            return self._running[0] if self._running else None

    def group(self, statement: Statement) -> str:
        return f"{self._group_prefix}{statement.id}"

    def cancel(self, statement_id: int) -> None:
        """No effect on a statement that is finished or unknown, as in Livy."""
        with self._lock:
            self.last_active_ms = now_ms()
            if statement := self._store.get(statement_id):
                self.cancel_statement(statement)

    def cancel_statement(self, statement: Statement) -> None:
        with self._lock:
            if statement.state == "waiting":
                statement.finish("cancelled", None)
                if statement.kind == STUCK_KIND:
                    statement.completed = 0  # Livy sets it in another thread, later if at all
            elif statement.state == "running":
                statement.state = "cancelling"
                for work in (self._cancel_jobs, self._cancel_code, self._force):
                    threading.Thread(target=work, args=(statement,), name="cancel", daemon=True).start()

    def complete(self, kind: str, code: str, cursor: int) -> list[str]:
        """Completions at the cursor. Blocks, but waits for no statement; the first call may start an interpreter."""
        self.touch()
        engine = self._engines.get(kind)
        return engine.complete(code, cursor) if engine else []

    def close(self, reason: str) -> None:
        """No further statement runs; those running or waiting end as errors with `reason`."""
        with self._lock:
            if self._close_reason:
                return
            self._close_reason = reason
            for statement in [*self._store.all(), *self._unlisted]:
                if not statement.finished:
                    self._end_unfinished(statement)
        self._queue.put(None)

    def join(self, timeout_s: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _end_unfinished(self, statement: Statement) -> None:
        output = error("SessionEnded", self._close_reason)
        statement.finish(
            "cancelled" if statement.state == "cancelling" else "available", numbered(output, statement.id)
        )

    # ---- the thread that runs them

    def _run_queue(self) -> None:
        while (statement := self._queue.get()) is not None:
            if not self._close_reason:
                self._run(statement)

    def _run(self, statement: Statement) -> None:
        self._host.before_statement()
        engine = self._engines[statement.kind]
        with self._lock:
            if statement.state != "waiting":
                return
            statement.state = "running"
            statement.started = now_ms()
            self._running = statement, engine
        try:
            output = engine.run(statement.code, self.group(statement))
        except JvmGone as gone:
            output = error("SessionEnded", str(gone))
        except Exception as bug:  # noqa: BLE001 - the queue must go on; the statement's output has the error
            output = error("InternalError", f"{type(bug).__name__}: {bug}")
        self._host.before_finish()
        with self._interrupting:
            with self._lock:
                self._running = None
                self._finish(statement, output)
            self._clear_interrupt(engine)

    def _finish(self, statement: Statement, output: Output) -> None:
        if statement.kind != "pyspark":
            self.python_died = False  # Livy: a statement of another kind brings the session back to idle
        elif output.get("evalue", "").startswith("Interpreter died:"):
            self.python_died = True
        self.last_active_ms = now_ms()
        if not statement.finished:
            state = "cancelled" if statement.state == "cancelling" else "available"
            statement.finish(state, numbered(output, statement.id))

    def _clear_interrupt(self, engine: Engine) -> None:
        try:
            engine.clear_interrupt()
        except Exception as problem:  # noqa: BLE001 - the JVM may have ended, which its own watcher reports
            self._host.note(f"after a statement: {type(problem).__name__}: {problem}")

    # ---- the threads of one cancel

    def _still_cancelling(self, statement: Statement) -> bool:
        with self._lock:
            return self._running is not None and self._running[0] is statement and not self._close_reason

    def _cancel_jobs(self, statement: Statement) -> None:
        pause = threading.Event()
        while self._still_cancelling(statement):
            succeeded = self._call_and_log(lambda: self._host.cancel_jobs(self.group(statement)))
            pause.wait(CANCEL_JOBS_EVERY_S if succeeded else INTERRUPT_EVERY_S)
        for _ in range(round(LATE_JOBS_S / INTERRUPT_EVERY_S)):
            if self._close_reason:
                return
            self._call_and_log(lambda: self._host.cancel_jobs(self.group(statement)))
            pause.wait(INTERRUPT_EVERY_S)

    def _cancel_code(self, statement: Statement) -> None:
        pause = threading.Event()
        pause.wait(INTERRUPT_AFTER_S)
        while self._call_running_engine(statement, lambda engine: engine.interrupt()):
            pause.wait(INTERRUPT_EVERY_S)

    def _force(self, statement: Statement) -> None:
        pause = threading.Event()
        pause.wait(FORCE_AFTER_S)
        with self._lock:
            if not self._still_cancelling(statement):
                return
            statement.finish("cancelled", None)
        self._host.note(f"statement {statement.id} went on for {FORCE_AFTER_S:.0f} s after its cancel")
        self._call_running_engine(statement, lambda engine: engine.force_stop())

    def _call_running_engine(self, statement: Statement, call: Callable[[Engine], None]) -> bool:
        """False once the statement has ended."""
        with self._interrupting:
            with self._lock:
                if not self._still_cancelling(statement) or self._running is None:
                    return False
                engine = self._running[1]
            self._call_and_log(lambda: call(engine))
            return True

    def _call_and_log(self, call: Callable[[], None]) -> bool:
        try:
            call()
        except Exception as problem:  # noqa: BLE001 - a failing cancel is logged, and must not end this thread
            self._host.note(f"cancel: {type(problem).__name__}: {problem}")
            return False
        return True
