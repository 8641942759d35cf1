"""How far the running statements are: finished tasks of all tasks of their Spark jobs, as Livy counts them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from py4j.protocol import Py4JError

from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.spark.jvm import Jvm

POLL_INTERVAL_S = 0.5
MAX_JOBS = 20  # of a statement, the newest; each costs some calls into the JVM


class Progress:
    """Runs in its own thread, so that neither the event loop nor a statement waits for the JVM."""

    def __init__(self, jvm: Jvm, repls: Callable[[], Iterable[Repl]]) -> None:
        self._jvm = jvm
        self._repls = repls
        self._end = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="progress", daemon=True).start()

    def stop(self) -> None:
        self._end.set()

    def _watch(self) -> None:
        while not self._end.wait(POLL_INTERVAL_S):
            for repl in self._repls():
                self._update(repl)

    def _update(self, repl: Repl) -> None:
        statement = repl.running
        if statement is None or statement.finished:
            return
        try:
            progress = self._finished_share(repl.group(statement))
        except (Py4JError, OSError):
            return  # the end of the JVM is handled elsewhere; a stopped SparkContext has no progress
        with repl.lock:
            if not statement.finished:
                statement.progress = progress

    def _finished_share(self, group: str) -> float:
        tracker = self._jvm.spark.sparkContext().statusTracker()
        done = total = 0
        for job_id in sorted(tracker.getJobIdsForGroup(group))[-MAX_JOBS:]:
            job = tracker.getJobInfo(job_id)
            if not job.isDefined():
                continue
            for stage_id in job.get().stageIds():
                stage = tracker.getStageInfo(stage_id)
                if stage.isDefined():
                    total += stage.get().numTasks()
                    done += stage.get().numCompletedTasks()
        return done / total if total else 0.0
