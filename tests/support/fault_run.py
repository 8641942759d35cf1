"""Statements that append to a table, each a key of its own, through a proxy that breaks calls at random.

    python -m tests.support.fault_run --minutes 10 --seed 7

runs them on an embedded Fabric in both dialects, and compares what each call was reported to have done with what is in the
table. CI runs a short form (tests/local/test_fault_run.py).
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fabric_livy_magic.errors import FabricLivyError, OutcomeUnknown, SessionLostError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.rate import RateLimiter
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.livy.submission import KnownStatements
from fabric_livy_magic.livy.waiting import interruptible_sleep
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.request_auth import BearerAuth
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support import livy_dialect, service
from tests.support.faulty_network import HOST, FaultyNetwork, tls_of
from tests.support.faulty_proxy import FaultyProxy

TIME_FACTOR = 10.0  # the client waits so many times shorter than usual
SHARE = 0.08  # of the calls get a fault
CONNECTIONS_SHARE = 0.2  # of the new connections
THREADS = 5  # on one session
INSERT_EVERY = 25  # an INSERT of Spark takes 0.3 s; the other statements append to the table's file themselves
APPEND = """\
with open({file!r}, "a") as rows:
    rows.write({row!r})
"""


def clock() -> float:
    return time.monotonic() * TIME_FACTOR


def sleep(seconds: float) -> None:
    interruptible_sleep(seconds / TIME_FACTOR)


class FixedToken:
    """A credential with one valid token; after a 401 of the proxy it returns the same one."""

    def token(self, audience: str = "", *, renew: bool = False) -> AccessToken:
        return AccessToken(service.TOKEN)


def may_inject(method: str, path: str, fault: str) -> bool:
    if fault == "404":  # the client tolerates it for what is new, and when it reads a session's state
        return method == "GET" or path.endswith("/statements")
    return True


@dataclass
class Outcomes:
    """What the client reported for each key."""

    ran: list[str] = field(default_factory=list)
    unknown: dict[str, FabricLivyError] = field(default_factory=dict)
    failed: dict[str, FabricLivyError] = field(default_factory=dict)

    def note(self, key: str, error: FabricLivyError) -> None:
        is_open = isinstance(error, OutcomeUnknown | SessionLostError) or "not known" in str(error)
        (self.unknown if is_open else self.failed)[key] = error

    def contradictions(self, found: Counter[str]) -> list[str]:
        """Where the table differs from what was reported."""
        contradictions = [f"{key} ran, and is there {found[key]} times" for key in self.ran if found[key] != 1]
        contradictions += [f"{key} is there twice: {error}" for key, error in self.unknown.items() if found[key] > 1]
        contradictions += [f"{key} failed, and is there: {error}" for key, error in self.failed.items() if found[key]]
        known = {*self.ran, *self.unknown, *self.failed}
        return contradictions + [f"{key} was never sent" for key in found if key not in known]


@dataclass
class Run:
    """On one server, of one dialect."""

    api: service.Api
    dialect: Dialect
    folder: Path
    seed: int
    name: str
    outcomes: Outcomes = field(default_factory=Outcomes)

    def __post_init__(self) -> None:
        tls, ca_file = tls_of(self.folder.parent)
        self.network = FaultyNetwork(self.seed, CONNECTIONS_SHARE)
        self.network.start()
        self.proxy = FaultyProxy(self.api.base, self.seed, SHARE, may_inject, tls, HOST)
        http = LivyHttp(
            self.proxy.address,
            BearerAuth(FixedToken(), allow_host=HOST),
            timeout_s=2.0,
            verify=str(ca_file),
            rate_limiter=RateLimiter(None),  # without a limit, which tests/livy/test_rate.py tests
            clock=clock,
            sleep=sleep,
        )
        self.client = LivyClient(http, self.dialect)

    def ready_session(self) -> StandardSession:
        """Created and waited for through the proxy, too."""
        session = StandardSession.create(self.client, SessionSpec(), capacity_wait_s=600, clock=clock, sleep=sleep)
        session.wait_ready(timeout_s=180 * TIME_FACTOR, clock=clock, sleep=sleep)
        return session

    def append_keys(self, may_continue: Callable[[int], bool]) -> None:
        """Appends a key while `may_continue(number of keys so far)`."""
        self.client.list_sessions()
        self.session = session = self.ready_session()
        known_statements, numbers = KnownStatements(-1), itertools.count()
        direct = service.Session if self.dialect is Dialect.FABRIC else livy_dialect.LivySession
        self.direct = direct(self.api, session.id)
        self.folder.mkdir()
        self.direct.output(f"CREATE TABLE {self.name} (key STRING) USING csv LOCATION '{self.folder.as_uri()}'", "sql")

        def append() -> None:
            while may_continue(number := next(numbers)):
                key = f"{self.name}-{number}"
                code, kind = self._statement(key, number)
                try:
                    done = run_statement(
                        self.client, session.id, code, kind, known_statements=known_statements, clock=clock, sleep=sleep
                    )
                except FabricLivyError as error:
                    self.outcomes.note(key, error)
                else:
                    assert done.output is not None
                    assert done.output.status == "ok", done.output
                    self.outcomes.ran.append(key)

        threads = [threading.Thread(target=append) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _statement(self, key: str, number: int) -> tuple[str, str]:
        if number % INSERT_EVERY == INSERT_EVERY - 1:
            return f"INSERT INTO {self.name} VALUES ('{key}')", "sql"
        return APPEND.format(file=str(self.folder / "appended.csv"), row=f"{key}\n"), "pyspark"

    def table(self) -> Counter[str]:
        """As Spark reads it; the query does not go through the proxy."""
        self.direct.output(f"REFRESH TABLE {self.name}", "sql")
        code = f"import json; print(json.dumps([row.key for row in spark.table('{self.name}').collect()]))"
        return Counter(json.loads(self.direct.text(code)))

    def close(self) -> None:
        self.proxy.close()
        self.network.close()


def report(run: Run) -> str:
    outcomes, injected = run.outcomes, run.proxy.injected + run.network.injected
    counts = f"{len(outcomes.ran)} ran, {len(outcomes.unknown)} unknown, {len(outcomes.failed)} failed"
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(injected.items()))
    why = "".join(f"\n  {key}: {error}" for key, error in (*outcomes.unknown.items(), *outcomes.failed.items()))
    return f"{run.dialect.value}, seed {run.seed}: {counts}; {run.proxy.calls} calls, {injected.total()} faults, at most {run.proxy.latest_s:.2f} s late ({kinds}){why}"


def servers(folder: Path) -> Iterator[tuple[service.Api, Dialect]]:
    with service.serving(folder / "fabric") as api:
        yield api, Dialect.FABRIC
    with livy_dialect.serving(folder / "livy") as api:
        yield api, Dialect.APACHE_LIVY


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--minutes", type=float, default=10.0, help="for both dialects together")
    options.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    chosen = options.parse_args()
    contradictions: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for api, dialect in servers(Path(folder)):
            run = Run(api, dialect, Path(folder) / f"{dialect.name}_keys", chosen.seed, f"keys_{dialect.name}".lower())
            until = time.monotonic() + chosen.minutes * 30
            try:
                run.append_keys(lambda number, until=until: time.monotonic() < until)  # type: ignore[misc]
                found = run.outcomes.contradictions(run.table())
            finally:
                run.close()
            print(report(run))
            print(*(f"  {one}" for one in found[:20]), f"{len(found)} outcomes were not true", sep="\n")
            contradictions += found
    return 1 if contradictions else 0


if __name__ == "__main__":
    sys.exit(main())
