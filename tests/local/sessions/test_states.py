"""Every documented state occurs: by itself, or by an injected fault. And every documented field is filled.

One server; faults keep most of its sessions from starting Spark. The values and fields of its responses are collected by the
contract's definitions while the sessions go through their states.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.support import contract, service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark

# Where each value comes from: the text of a fault's rule, or ITSELF where it occurs without a fault.
ITSELF = ""


def fault(text: str) -> str:
    return text


STARTS = {
    state: fault(f"start.states = ['{state}']\nstart.seconds = inf")
    for state in (
        *("queued", "libraryPackaging", "unknown"),
        *("not_submitted", "submitting", "not_started", "recovering", "running"),
    )
}
AT_ONCE = "start.states = ['starting']\nend.during = 'starting'\n"
ENDS = {
    "dead": fault(f"{AT_ONCE}end.source = 'User'"),
    "error": fault(f"{AT_ONCE}end.state = 'error'\nend.source = 'Dependency'"),
    "success": fault(f"{AT_ONCE}end.state = 'success'"),
    "uncertain": fault(f"{AT_ONCE}end.result = 'Uncertain'\nend.source = 'Unknown'"),
    "by-the-hub": fault(f"{AT_ONCE}end.state = 'killed'\nend.cancellation_reason = 'in the Monitoring hub'"),
    "refused": fault("end.during = 'queued'\nend.message = 'no room'"),
    "cancelled": fault("end.during = 'queued'\nend.state = 'cancelled'"),
    "hc-killed": fault("end.after_s = 0\nend.state = 'killed'"),
    "hc-dead": fault("end.after_statements = 1\nend.error_code = 'LIVY_JOB_TIMED_OUT'"),
}
RULES = "".join(f'[[sessions]]\nname = "{name}"\n{rule}\n' for name, rule in {**STARTS, **ENDS}.items())

STATES: dict[tuple[str, str], dict[str, str]] = {
    ("SessionResponse", "state"): {
        **{state: STARTS[state] for state in ("not_submitted", "submitting", "not_started", "recovering", "running")},
        **dict.fromkeys(("starting", "idle", "busy", "shutting_down"), ITSELF),
        "dead": ENDS["dead"],
        "killed": ENDS["by-the-hub"],
        "error": ENDS["error"],
        "success": ENDS["success"],
    },
    ("SessionResponse", "result"): {
        "Uncertain": ENDS["uncertain"],
        "Succeeded": ENDS["success"],
        "Failed": ENDS["dead"],
        "Cancelled": ENDS["by-the-hub"],
    },
    ("SessionResponse", "jobType"): {"SparkSession": ITSELF},
    ("SessionStateInfo", "state"): {
        **{state: STARTS[state] for state in ("queued", "libraryPackaging")},
        **dict.fromkeys(("acquiringSession", "cancelling", "unknown"), ITSELF),
        "error": ENDS["refused"],
        "cancelled": ENDS["cancelled"],
    },
    ("SchedulerInformation", "currentState"): {
        "Queued": STARTS["not_started"],
        "Scheduled": ITSELF,
        "Ended": ENDS["dead"],
    },
    ("SparkServicePluginInformation", "currentState"): {
        "Preparation": STARTS["not_submitted"],
        "ResourceAcquisition": STARTS["not_started"],
        "Queued": STARTS["submitting"],
        **dict.fromkeys(("Submission", "Monitoring", "Cleanup"), ITSELF),
        "Ended": ENDS["dead"],
    },
    ("ErrorInformation", "source"): {
        "System": ENDS["hc-dead"],
        "User": ENDS["dead"],
        "Unknown": ENDS["uncertain"],
        "Dependency": ENDS["error"],
    },
    ("LivySparkActivity", "result"): {
        "Uncertain": ENDS["uncertain"],
        "Succeeded": ENDS["success"],
        "Failed": ENDS["dead"],
        "Cancelled": ENDS["cancelled"],
    },
    ("LivySparkActivity", "errorSource"): {
        "System": ENDS["refused"],
        "User": ENDS["dead"],
        "Unknown": ENDS["uncertain"],
        "Dependency": ENDS["error"],
    },
    ("LivySparkActivity", "schedulerState"): {"Queued": STARTS["queued"], "Scheduled": ITSELF, "Ended": ENDS["dead"]},
    ("LivySparkActivity", "pluginState"): {
        "Queued": STARTS["queued"],
        "Preparation": STARTS["libraryPackaging"],
        **dict.fromkeys(("ResourceAcquisition", "Submission", "Monitoring", "Cleanup"), ITSELF),
        "Ended": ENDS["dead"],
    },
    ("HighConcurrencySessionResponse", "state"): {
        **dict.fromkeys(("NotStarted", "AcquiringHighConcurrencySession", "Idle", "Deleting"), ITSELF),
        "Dead": ENDS["hc-dead"],
        "Killed": ENDS["hc-killed"],
        "Failed": ENDS["refused"],
    },
    ("FabricSessionStateInfo", "state"): {
        **{state: STARTS[state] for state in ("queued", "libraryPackaging", "unknown")},
        "acquiringSession": ITSELF,
        "error": ENDS["refused"],
        "cancelled": ENDS["cancelled"],
    },
    ("StatementResponse", "state"): {
        **dict.fromkeys(("waiting", "running", "available", "cancelling", "cancelled"), ITSELF),
        "Error": fault('answer = "error-state"'),
    },
}
# Values of the contract that an embedded Fabric does not have.
NOT_HERE = {
    ("SessionResponse", "jobType"): {"SparkBatch", "ScopeBatch", "JupyterEnvironment"},  # no Livy sessions
    # While it is deleted, the view of a high-concurrency session says Deleting and no more.
    ("FabricSessionStateInfo", "state"): {"cancelling"},
}
# Not in the contract; a real Livy has them (and clients show progress by them).
LIVY_FIELDS = {"StatementResponse": {"progress", "started", "completed"}}
# Null at first: by the contract two of them, and as in a real Livy the third.
NULLS = {"sessionId", "replId", "output"}
FULL_REQUEST = {
    "archives": ["a.zip"],
    "conf": {"spark.sql.shuffle.partitions": "7", "fs.azure.account.key.x": "hush"},
    "tags": {"a": "b"},
    "driverMemory": "1g",
    "driverCores": 4,
    "executorMemory": "28g",
    "executorCores": 4,
    "numExecutors": 2,
}


class Seen:
    """Values and fields of responses, by the contract's definitions; each response is checked."""

    def __init__(self) -> None:
        self.values: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self.fields: defaultdict[str, set[str]] = defaultdict(set)

    def check(self, definition: str, view: dict[str, Any]) -> dict[str, Any]:
        described = contract.fields(definition)
        assert set(view) <= set(described) | LIVY_FIELDS.get(definition, set()), (definition, view)
        self.fields[definition] |= set(view)
        for field, value in view.items():
            if value is None:
                assert field in NULLS, (definition, view)
            elif field in described:
                self._value(definition, field, described[field], value)
        return view

    def _value(self, definition: str, field: str, described: dict[str, Any], value: Any) -> None:
        inner = described.get("$ref") or described.get("items", {}).get("$ref")
        if inner and inner.endswith("HighConcurrencySessionState"):
            self.values[definition, field].add(value)
        elif inner:
            for one in value if isinstance(value, list) else [value]:
                self.check(inner.rpartition("/")[2], one)
        elif "enum" in described:
            assert value in described["enum"]
            self.values[definition, field].add(value)
        elif described.get("format") == "date-time":
            assert value.endswith("Z")
            assert datetime.fromisoformat(value).tzinfo


class Scenario:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.seen = Seen()
        self.sessions: list[str] = []
        self.acquired: list[str] = []
        self.first_outputs: list[Any] = []

    def get(self, path: str, definition: str) -> dict[str, Any]:
        view: dict[str, Any] = self.api.get(path).json()
        return self.seen.check(definition, view)

    def start(self, name: str, **request: Any) -> None:
        view = self.api.post("/sessions", {"name": name, **request}).json()
        self.sessions.append(f"/sessions/{self.seen.check('SessionResponse', view)['id']}")

    def acquire(self, name: str, **request: Any) -> str:
        view = self.api.post("/highConcurrencySessions", {"name": name, **request}).json()
        self.acquired.append(
            f"/highConcurrencySessions/{self.seen.check('HighConcurrencySessionResponse', view)['id']}"
        )
        return self.acquired[-1]

    def check_all(self) -> None:
        """Also at the Livy sessions below high-concurrency ones, which the list has."""
        for path in self.acquired:
            self.get(path, "HighConcurrencySessionResponse")
        for item in self.api.get("/sessions").json()["items"]:
            self.seen.check("LivySparkActivity", item)
            self.get(f"/sessions/{item['id']}", "SessionResponse")

    def check_until(self, path: str, state: str) -> dict[str, Any]:
        until = time.monotonic() + 120
        while (view := self.get(path, "HighConcurrencySessionResponse"))["state"] != state:
            assert time.monotonic() < until, view
            self.check_all()
            time.sleep(0.05)
        return view

    def run(self, statements: str, code: str, *states: str) -> None:
        """Waits until the statement has been in each of `states`."""
        view = self.api.post(statements, {"code": code, "kind": "pyspark", "sourceId": "s"}).json()
        path = f"{statements}/{view['id']}"
        missing = set(states)
        until = time.monotonic() + 60
        while missing := missing - {self.seen.check("StatementResponse", view)["state"]}:
            assert time.monotonic() < until, (missing, view)
            self.check_all()
            if missing == {"cancelling", "cancelled"}:
                self.api.post(f"{path}/cancel", {})
            view = self.api.get(path).json()
        self.first_outputs.append(view["output"])


def play(scenario: Scenario) -> None:
    for name in [*STARTS, *ENDS]:
        if name.startswith("hc-"):
            scenario.acquire(name)
        else:
            scenario.start(name, **FULL_REQUEST)
    for name in ("queued", "libraryPackaging", "unknown", "refused", "cancelled"):
        scenario.acquire(name)
    natural = scenario.acquire("natural", sessionTag="tag")
    # Ready, it has one statement waiting behind one that runs.
    view = scenario.check_until(natural, "Idle")
    statements = f"/highConcurrencySessions/{view['sessionId']}/repls/{view['replId']}/statements"
    scenario.run(statements, "1 + 1", "available")
    assert scenario.first_outputs == [None], "by the fault"
    assert scenario.api.get(f"{statements}/0").json()["output"]["data"] == {"text/plain": "2"}
    slow = "import time\ntry: time.sleep(60)\nfinally: time.sleep(1)"
    scenario.run(statements, slow, "running", "cancelling", "cancelled")
    scenario.api.post(statements, {"code": "import time; time.sleep(1)", "kind": "pyspark"})
    scenario.run(statements, "1", "waiting", "Error")
    scenario.run(statements, "import os; os._exit(1)", "available")
    scenario.check_all()
    dead = scenario.acquired[1]
    view = scenario.check_until(dead, "Idle")
    scenario.run(f"/highConcurrencySessions/{view['sessionId']}/repls/{view['replId']}/statements", "1", "available")
    scenario.check_until(dead, "Dead")
    scenario.check_until(scenario.acquired[0], "Killed")
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(scenario.api.delete, natural)
        while not deleting.done():
            found = scenario.api.get(natural)
            if found.status_code == 200:
                view = scenario.seen.check("HighConcurrencySessionResponse", found.json())
                below = scenario.api.get(f"/sessions/{view['sessionId']}")
                if below.status_code == 200:
                    scenario.seen.check("SessionResponse", below.json())
            for item in scenario.api.get("/sessions").json()["items"]:
                scenario.seen.check("LivySparkActivity", item)
    assert scenario.api.get(natural).status_code == 404


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("states")
    # Statements of `play`: one is in state Error once, one has no output at first.
    error = '[[requests]]\npath = "/statements/3"\nanswer = "error-state"\ntimes = 1\n'
    null = '[[requests]]\npath = "/statements/0"\nanswer = "null-output"\ntimes = 1\n'
    (folder / "faults.toml").write_text(error + null + RULES, encoding="utf-8")
    options = ["--token", TOKEN, "--capacity", "100", "--faults", str(folder / "faults.toml")]
    with service.serving(folder / "lake", options) as api:
        made = Scenario(api)
        play(made)
        yield made


@pytest.mark.parametrize(
    ("definition", "field", "value", "how"),
    [(*enum, value, how or "by itself") for enum, origins in STATES.items() for value, how in origins.items()],
)
def test_a_documented_value_is_seen(scenario: Scenario, definition: str, field: str, value: str, how: str) -> None:
    assert value in scenario.seen.values[definition, field], how


@pytest.mark.parametrize(("definition", "field"), STATES)
def test_the_table_has_every_value_of_the_contract(definition: str, field: str) -> None:
    is_own = (definition, field) == ("HighConcurrencySessionResponse", "state")
    documented = contract.values("HighConcurrencySessionState") if is_own else contract.values(definition, field)
    known = NOT_HERE.get((definition, field), set())
    assert set(documented) == set(STATES[definition, field]) | known


def test_the_table_has_every_enumeration_of_sessions_and_statements() -> None:
    documented = {
        (name, field)
        for name in contract.description()["definitions"]
        if not name.startswith("Batch")
        for field, described in contract.fields(name).items()
        if "enum" in described
    }
    assert documented <= set(STATES)


@pytest.mark.parametrize(
    "definition",
    [
        *("SessionResponse", "SessionStateInfo", "LivySessionStateInformation", "SchedulerInformation"),
        *("SparkServicePluginInformation", "ErrorInformation", "SessionRequest", "LivySparkActivity"),
        *("HighConcurrencySessionResponse", "FabricSessionStateInfo", "StatementResponse", "StatementOutput"),
    ],
)
def test_every_documented_field_is_filled(scenario: Scenario, definition: str) -> None:
    assert set(contract.fields(definition)) - scenario.seen.fields[definition] == set()


def test_the_request_is_shown_without_secrets(scenario: Scenario) -> None:
    path = scenario.sessions[list(STARTS).index("running")]
    request = scenario.get(path, "SessionResponse")["livyInfo"]["jobCreationRequest"]
    hidden = {**FULL_REQUEST["conf"], "fs.azure.account.key.x": "*********(redacted)"}  # type: ignore[dict-item]
    assert request == {"name": "running", **FULL_REQUEST, "conf": hidden}
