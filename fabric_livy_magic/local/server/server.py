"""What all handlers share."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_livy_magic.local.batches.batches import Batches
from fabric_livy_magic.local.faults.rules import Faults
from fabric_livy_magic.local.lakehouse.fresh_lakehouses import FreshLakehouses
from fabric_livy_magic.local.lakehouse.served_workspaces import ServedWorkspaces
from fabric_livy_magic.local.lakehouse.workspaces import Workspaces
from fabric_livy_magic.local.server.tokens import Tokens
from fabric_livy_magic.local.sessions.capacity import Capacity
from fabric_livy_magic.local.sessions.ended_jobs import EndedJobs
from fabric_livy_magic.local.sessions.high_concurrency import HighConcurrencySessions
from fabric_livy_magic.local.sessions.sessions import Sessions


@dataclass(frozen=True, kw_only=True)
class Server:
    served: ServedWorkspaces
    tokens: Tokens
    capacity: Capacity
    sessions: Sessions
    high_concurrency: HighConcurrencySessions
    batches: Batches
    fresh_lakehouses: FreshLakehouses
    ended_jobs: EndedJobs
    page_size: int = 100
    faults: Faults | None = None
    quirks: bool = False

    @property
    def workspaces(self) -> Workspaces:
        """As they are at this moment."""
        return self.served.now
