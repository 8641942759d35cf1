"""How many Spark applications may be alive at a time, as a Fabric capacity limits them."""

from __future__ import annotations

from collections.abc import Callable

from fabric_livy_magic.local.spark.settings import machine_memory

GIB = 1024**3
# learn.microsoft.com/fabric/data-engineering/spark-job-concurrency-and-queueing
FULL = (
    "[TooManyRequestsForCapacity] This spark job can't be run because you have hit a spark compute or API rate limit. "
    "To run this spark job, cancel an active Spark job through the Monitoring hub, choose a larger capacity SKU, or try "
    "again later. HTTP status code: 430"
)


class NoCapacity(Exception):  # noqa: N818 - says what is missing
    """The limit of Spark applications is reached."""


def usual_limit() -> int:
    """An idle application takes about a GiB."""
    return max(2, machine_memory() // GIB)


class Capacity:
    """Checked before each start, on the event loop's thread, so that no two starts take the same slot."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._counters: list[Callable[[], int]] = []

    def count(self, alive: Callable[[], int]) -> None:
        """`alive` returns how many applications of one sort (sessions, batches) there are."""
        self._counters.append(alive)

    @property
    def alive(self) -> int:
        return sum(alive() for alive in self._counters)

    def check(self) -> None:
        """Raises NoCapacity."""
        if self.alive >= self.limit:
            raise NoCapacity(f"{self.limit} Spark applications are alive, which is the limit of this server")
