"""The fresh lakehouses of a server, by their ids: they are in no list of lakehouses."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces


class FreshLakehouses:
    """They count to the server's first workspace that has a lakehouse."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspace_id = workspaces.first_lakehouse.workspace_id
        self._by_id: dict[str, Lakehouse] = {}
        self._own_applications: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, lakehouse: Lakehouse) -> Lakehouse:
        made = replace(lakehouse, workspace_id=self._workspace_id)
        with self._lock:
            self._by_id[made.id] = made
        return made

    def get(self, lakehouse_id: str) -> Lakehouse | None:
        return self._by_id.get(lakehouse_id.lower())

    def note_own_application(self, lakehouse: Lakehouse) -> None:
        """A session there got a Spark application of its own."""
        self._own_applications[lakehouse.id] += 1

    def own_applications(self, lakehouse_id: str) -> int:
        return self._own_applications[lakehouse_id.lower()]

    def remove(self, lakehouse_id: str) -> Lakehouse | None:
        with self._lock:
            return self._by_id.pop(lakehouse_id.lower(), None)
