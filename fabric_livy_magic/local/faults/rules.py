"""Which request or session a fault strikes. Nothing here looks at a clock or draws a lot that its seed does not give."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fabric_livy_magic.local.spark.ending import Ending

# What a running session can still change keeps a starter pool; every other key needs a cluster of its own
# (facts: dbt-fabricspark #184, #189).
POOL_CONF = "spark.sql."
LONGEST_PATH = 2_000  # a path of thousands of slashes would take seconds to compare
UNTIL_ANSWERED = frozenset({"null-output", "error-state"})


@dataclass(frozen=True)
class Span:
    """Seconds between two bounds, which may be the same."""

    low_s: float = 0.0
    high_s: float = 0.0

    def pick(self, lot: float) -> float:
        return self.low_s if self.low_s == self.high_s else self.low_s + (self.high_s - self.low_s) * lot


@dataclass(frozen=True, kw_only=True)
class When:
    """Which of the matching ones are struck, in the order they come. `times` None is without end."""

    after: int = 0
    times: int | None = None
    share: float = 1.0
    per: str = "all"


# ------------------------------------------------------------------------------------------------ what happens
@dataclass(frozen=True, kw_only=True)
class StatusFault:
    """An answer of this status. `error_code` and `message` empty: the usual ones of the status."""

    status: int
    error_code: str = ""
    message: str = ""
    body: str = "error"
    retry_after: Span | None = None
    retry_after_form: str = "seconds"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConnectionFault:
    """`close`, `reset`, or `cut` in the middle of the answer."""

    how: str


@dataclass(frozen=True)
class AnswerFault:
    """What becomes of the real answer: `html`, `empty`, `half`, `null-output` or `error-state`."""

    how: str


@dataclass(frozen=True, kw_only=True)
class RequestFault:
    """`place` is where the file says so; `what` None only delays."""

    place: str
    methods: frozenset[str]
    path: re.Pattern[str]
    when: When
    delay: Span = Span()
    stall: Span = Span()
    after_work: bool = False
    what: StatusFault | ConnectionFault | AnswerFault | None = None


@dataclass(frozen=True, kw_only=True)
class SessionEnd:
    """At one of three moments; `state` may be `lost`: known to nobody from then on."""

    state: str
    ending: Ending
    during: str | None = None
    after_s: Span | None = None
    after_statements: int | None = None


@dataclass(frozen=True, kw_only=True)
class SessionFault:
    place: str
    name: str
    own_conf: bool
    when: When
    start: Span = Span()
    states: tuple[str, ...] = ()
    fallback: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    end: SessionEnd | None = None


# ------------------------------------------------------------------------------------------------ whom it strikes
@dataclass(frozen=True)
class Call:
    method: str
    path: str
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Strike:
    """What one request has to bear. `later` is judged when its answer is there."""

    delay_s: float = 0.0
    stall_s: float = 0.0
    fault: RequestFault | None = None
    lot: float = 0.0
    later: tuple[RequestFault, ...] = ()


@dataclass(frozen=True)
class SessionStrike:
    fault: SessionFault
    start_s: float
    end_s: float


class Faults:
    """Asked on the event loop's thread only, so that what is counted is in the order of the requests."""

    def __init__(self, requests: Iterable[RequestFault], sessions: Iterable[SessionFault], seed: int) -> None:
        self.seed = seed
        self._requests = tuple(requests)
        self._sessions = tuple(sessions)
        rules: tuple[RequestFault | SessionFault, ...] = (*self._requests, *self._sessions)
        self._tallies = {one.place: _Tally(one.when, one.place, seed) for one in rules}

    def strike(self, call: Call) -> Strike:
        """Rules that only delay add up; the first of the others that strikes ends the search."""
        delay_s = stall_s = 0.0
        later: list[RequestFault] = []
        for fault in self._requests:
            if not _matches(fault, call):
                continue
            if isinstance(fault.what, AnswerFault) and fault.what.how in UNTIL_ANSWERED:
                later.append(fault)
                continue
            lot = self._tallies[fault.place].lot(_key(fault.when, call))
            if lot is None:
                continue
            delay_s += fault.delay.pick(lot)
            stall_s += fault.stall.pick(lot)
            if fault.what is not None:
                return Strike(delay_s=delay_s, stall_s=stall_s, fault=fault, lot=lot, later=tuple(later))
        return Strike(delay_s=delay_s, stall_s=stall_s, later=tuple(later))

    def strikes_answer(self, fault: RequestFault, call: Call) -> bool:
        """Of one in `Strike.later`, whose answer turned out to be one that it is for."""
        return self._tallies[fault.place].lot(_key(fault.when, call)) is not None

    def strike_session(self, name: str, conf: Mapping[str, str]) -> SessionStrike | None:
        for fault in self._sessions:
            if not fnmatchcase(name, fault.name) or (fault.own_conf and not own_conf(conf)):
                continue
            lot = self._tallies[fault.place].lot("")
            if lot is not None:
                end_s = fault.end.after_s.pick(lot) if fault.end and fault.end.after_s else 0.0
                return SessionStrike(fault, fault.start.pick(lot), end_s)
        return None


def own_conf(conf: Mapping[str, str]) -> list[str]:
    """Keys that keep a session off the starter pool."""
    return [key for key in conf if not key.startswith(POOL_CONF)]


def path_pattern(text: str) -> re.Pattern[str]:
    """The end of a path: `*` is one part of it, or some of one, `**` any number of parts."""
    parts = {"*": r"/[^/]+", "**": r"(?:/[^/]+)*"}
    wanted = [parts.get(part, "/" + re.escape(part).replace(r"\*", "[^/]*")) for part in text.strip("/").split("/")]
    return re.compile("".join(wanted) + "/?", re.IGNORECASE)


def _matches(fault: RequestFault, call: Call) -> bool:
    if (fault.methods and call.method not in fault.methods) or len(call.path) > LONGEST_PATH:
        return False
    # From each slash on: a pattern says how a path ends.
    return any(fault.path.fullmatch(call.path, slash.start()) for slash in re.finditer("/", call.path))


def _key(when: When, call: Call) -> str:
    if when.per == "path":
        return call.path.rstrip("/").lower()
    if when.per == "token":
        return hashlib.sha256(call.token.encode("utf-8", errors="surrogatepass")).hexdigest()
    return ""


class _Tally:
    """How often one rule matched and struck."""

    def __init__(self, when: When, place: str, seed: int) -> None:
        self._when = when
        self._draws = f"{seed}/{place}"
        self._drawn = 0
        self._seen: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()

    def lot(self, key: str) -> float | None:
        """None: it does not strike. Else a number from 0 to 1, which picks within the rule's ranges."""
        self._seen[key] += 1
        if self._seen[key] <= self._when.after:
            return None
        if self._when.times is not None and self._struck[key] >= self._when.times:
            return None
        self._drawn += 1
        # A generator for each draw: the n-th one does not depend on what other rules draw.
        draw = random.Random(f"{self._draws}/{self._drawn}")  # noqa: S311 - to be repeatable, not secret
        if draw.random() >= self._when.share:
            return None
        self._struck[key] += 1
        return draw.random()
