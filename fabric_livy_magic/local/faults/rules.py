"""Which request or session gets which fault. It depends on the seed and the order of the calls only, not on the time."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fabric_livy_magic.local.spark.end_reason import EndReason

# Keys that a running session can still change fit a starter pool; every other key needs an on-demand cluster
# (facts: dbt-fabricspark #184, #189).
POOL_CONF = "spark.sql."
LONGEST_PATH = 2_000  # a path of thousands of slashes would take seconds to compare
NEED_THE_REPLY = frozenset({"null-output", "error-state"})


@dataclass(frozen=True)
class Span:
    """Seconds between two bounds, which may be the same."""

    low_s: float = 0.0
    high_s: float = 0.0

    def pick(self, fraction: float) -> float:
        return self.low_s if self.low_s == self.high_s else self.low_s + (self.high_s - self.low_s) * fraction


@dataclass(frozen=True, kw_only=True)
class When:
    """Which of the matching requests or sessions get the fault, by their order. `times` None: without end."""

    after: int = 0
    times: int | None = None
    share: float = 1.0
    per: str = "all"


# ------------------------------------------------------------------------------------------------ what is injected
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
    """How the real answer is changed: `html`, `empty`, `half`, `null-output` or `error-state`."""

    how: str


@dataclass(frozen=True, kw_only=True)
class RequestFault:
    """`rule` is its place in the file, such as `requests[0]`; `action` None only delays."""

    rule: str
    methods: frozenset[str]
    path: re.Pattern[str]
    when: When
    delay: Span = Span()
    stall: Span = Span()
    after_work: bool = False
    action: StatusFault | ConnectionFault | AnswerFault | None = None


@dataclass(frozen=True, kw_only=True)
class SessionEnd:
    """At one of three moments. With the `state` `lost` the server no longer knows the session."""

    state: str
    reason: EndReason
    during: str | None = None
    after_s: Span | None = None
    after_statements: int | None = None


@dataclass(frozen=True, kw_only=True)
class SessionFault:
    rule: str
    name: str
    own_conf: bool
    when: When
    start: Span = Span()
    states: tuple[str, ...] = ()
    fallback: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    end: SessionEnd | None = None


# ------------------------------------------------------------------------------------------------ into which calls
@dataclass(frozen=True)
class Call:
    method: str
    path: str
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class InjectedFault:
    """In one request. `reply_faults` are decided when its answer is there. `fraction` picks within ranges."""

    delay_s: float = 0.0
    stall_s: float = 0.0
    fault: RequestFault | None = None
    fraction: float = 0.0
    reply_faults: tuple[RequestFault, ...] = ()


@dataclass(frozen=True)
class InjectedSessionFault:
    fault: SessionFault
    start_s: float
    end_s: float


class Faults:
    """Used on the event loop's thread only, so that requests are counted in their order."""

    def __init__(self, requests: Iterable[RequestFault], sessions: Iterable[SessionFault], seed: int) -> None:
        self.seed = seed
        self._requests = tuple(requests)
        self._sessions = tuple(sessions)
        rules: tuple[RequestFault | SessionFault, ...] = (*self._requests, *self._sessions)
        self._tallies = {one.rule: _Tally(one.when, one.rule, seed) for one in rules}

    def inject(self, call: Call) -> InjectedFault:
        """Rules that only delay add up; the first other one that applies ends the search."""
        delay_s = stall_s = 0.0
        reply_faults: list[RequestFault] = []
        for fault in self._requests:
            if not _matches(fault, call):
                continue
            if isinstance(fault.action, AnswerFault) and fault.action.how in NEED_THE_REPLY:
                reply_faults.append(fault)
                continue
            fraction = self._tallies[fault.rule].fraction(_key(fault.when, call))
            if fraction is None:
                continue
            delay_s += fault.delay.pick(fraction)
            stall_s += fault.stall.pick(fraction)
            if fault.action is not None:
                return InjectedFault(
                    delay_s=delay_s, stall_s=stall_s, fault=fault, fraction=fraction, reply_faults=tuple(reply_faults)
                )
        return InjectedFault(delay_s=delay_s, stall_s=stall_s, reply_faults=tuple(reply_faults))

    def inject_in_reply(self, fault: RequestFault, call: Call) -> bool:
        """Whether to inject one of `InjectedFault.reply_faults`, now that its answer is known to fit."""
        return self._tallies[fault.rule].fraction(_key(fault.when, call)) is not None

    def inject_in_session(self, name: str, conf: Mapping[str, str]) -> InjectedSessionFault | None:
        for fault in self._sessions:
            if not fnmatchcase(name, fault.name) or (fault.own_conf and not own_conf(conf)):
                continue
            fraction = self._tallies[fault.rule].fraction("")
            if fraction is not None:
                end_s = fault.end.after_s.pick(fraction) if fault.end and fault.end.after_s else 0.0
                return InjectedSessionFault(fault, fault.start.pick(fraction), end_s)
        return None


def own_conf(conf: Mapping[str, str]) -> list[str]:
    """Keys that no starter pool allows."""
    return [key for key in conf if not key.startswith(POOL_CONF)]


def path_pattern(text: str) -> re.Pattern[str]:
    """The end of a path: `*` is one part of it, or some of one, `**` any number of parts."""
    parts = {"*": r"/[^/]+", "**": r"(?:/[^/]+)*"}
    patterns = [parts.get(part, "/" + re.escape(part).replace(r"\*", "[^/]*")) for part in text.strip("/").split("/")]
    return re.compile("".join(patterns) + "/?", re.IGNORECASE)


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
    """How often one rule matched and was applied."""

    def __init__(self, when: When, rule: str, seed: int) -> None:
        self._when = when
        self._seed_prefix = f"{seed}/{rule}"
        self._draws = 0
        self._seen: Counter[str] = Counter()
        self._injected: Counter[str] = Counter()

    def fraction(self, key: str) -> float | None:
        """None: no fault this time. Else a number from 0 to 1, which picks within the rule's ranges."""
        self._seen[key] += 1
        if self._seen[key] <= self._when.after:
            return None
        if self._when.times is not None and self._injected[key] >= self._when.times:
            return None
        self._draws += 1
        # A generator for each draw: the n-th one does not depend on what other rules draw.
        draw = random.Random(f"{self._seed_prefix}/{self._draws}")  # noqa: S311 - to be repeatable, not secret
        if draw.random() >= self._when.share:
            return None
        self._injected[key] += 1
        return draw.random()
