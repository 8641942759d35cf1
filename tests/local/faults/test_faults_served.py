"""Faults over real sockets, most of them on look-ups, which need no Spark; and the example file as a person uses it."""

from __future__ import annotations

import email.utils
import json
import socket
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark

EXAMPLE = Path(__file__).parents[2] / "payloads" / "faults.toml"
# Each has a workspace of its own name, and applies to its look-up.
RULES = {
    "plain": "status = 503",
    "code": 'status = 403\nerror_code = "InsufficientScopes"\nmessage = "no \\"é\\""',
    "seconds": "status = 429\nretry_after_s = 7",
    "date": 'status = 429\nretry_after_s = 120\nretry_after = "date"',
    "body": 'status = 429\nretry_after_s = 120\nretry_after = "body"',
    "bare": 'status = 429\nretry_after_s = 1\nretry_after = "body"\nbody = "message"',
    "full": "status = 430",
    "expired": 'status = 401\nerror_code = "TokenExpired"',
    "gateway": 'status = 502\nbody = "html"',
    "empty-503": 'status = 503\nbody = "empty"',
    "redirect": 'status = 302\nbody = "empty"\nheaders = { Location = "https://login.example/" }',
    "no-content": "status = 204",
    "close": 'connection = "close"',
    "reset": 'connection = "reset"',
    "close-after": 'connection = "close"\nafter_work = true',
    "reset-after": 'connection = "reset"\nafter_work = true',
    "cut": 'connection = "cut"',
    "half": 'answer = "half"',
    "html": 'answer = "html"',
    "empty": 'answer = "empty"',
    "delay": "delay_s = 0.4",
    "stall": "stall_s = 0.4",
    "stalled-error": "status = 500\nstall_s = 0.3",
    "untouched": "status = 500\nafter = 1000000",
}
IDS = {name: str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in RULES}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("faulty")
    workspaces = "".join(f'[[workspaces]]\nname = "{name}"\nid = "{id_}"\n' for name, id_ in IDS.items())
    (folder / "workspaces.toml").write_text(f'{workspaces}[[workspaces.lakehouses]]\nname = "l"\n', encoding="utf-8")
    rules = "".join(f'[[requests]]\npath = "/workspaces/{IDS[name]}"\n{rule}\n' for name, rule in RULES.items())
    rules += """
        [[requests]]
        method = "POST"
        path = "/sessions"
        times = 1
        status = 504
        body = "html"
        after_work = true
        [[sessions]]
        name = "slow"
        start.states = ["queued", "libraryPackaging", "acquiringSession", "not_started"]
        start.seconds = 2
        end.during = "not_started"
        end.state = "killed"
        end.cancellation_reason = "cancelled in the Monitoring hub"
        [[sessions]]
        name = "lost"
        start.states = ["not_started"]
        start.seconds = 0.5
        end.during = "not_started"
        end.state = "lost"
        [[sessions]]
        name = "on demand"
        own_conf = true
        fallback = true
        tags = { more = "m" }
        start.states = ["not_started"]
        start.seconds = inf
        [[sessions]]
        start.states = ["queued"]
        start.seconds = inf
        """
    (folder / "faults.toml").write_text(f"seed = 11\n{rules}", encoding="utf-8")
    options = [
        "--workspaces",
        str(folder / "workspaces.toml"),
        "--faults",
        str(folder / "faults.toml"),
        "--token",
        TOKEN,
    ]
    process, started = service.start(None, *options, extra_env={"XDG_STATE_HOME": str(logs)})
    yield started
    started.http.close()
    assert service.close(process) == 0


def look_up(api: Api, name: str, **options: Any) -> requests.Response:
    return api.http.get(f"{api.ready['api_url']}/workspaces/{IDS[name]}", timeout=10, **options)


def send_look_up(api: Api, name: str) -> socket.socket:
    url = urlsplit(api.ready["api_url"])
    link = socket.create_connection((url.hostname or "", url.port or 0), timeout=10)
    link.sendall(
        f"GET /v1/workspaces/{IDS[name]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    return link


def raw_answer(api: Api, name: str) -> bytes:
    """Every byte until the connection ends; ConnectionResetError if it is reset."""
    with send_look_up(api, name) as link:
        received = b""
        while part := link.recv(65536):
            received += part
        return received


# ------------------------------------------------------------------------------------------------ statuses
@pytest.mark.parametrize(
    ("name", "status", "code", "word"),
    [
        ("plain", 503, "ServiceUnavailable", "Service Unavailable"),
        ("code", 403, "InsufficientScopes", 'no "é"'),
        ("seconds", 429, "RequestBlocked", "too many requests"),
        ("full", 430, "TooManyRequestsForCapacity", "[TooManyRequestsForCapacity] This spark job can't be run"),
        ("expired", 401, "TokenExpired", "expired"),
        ("stalled-error", 500, "UnknownError", "Internal Server Error"),
    ],
)
def test_a_status_comes_with_fabrics_error_body(api: Api, name: str, status: int, code: str, word: str) -> None:
    answer = look_up(api, name)
    body = answer.json()
    assert (answer.status_code, body["errorCode"]) == (status, code)
    assert set(body) == {"errorCode", "message", "requestId", "moreDetails"}
    assert word in body["message"]
    assert answer.headers["RequestId"] == body["requestId"]
    assert "Connection" not in answer.headers, "a real service keeps the connection"


def test_retry_after_comes_in_seconds_as_a_date_or_in_the_text(api: Api) -> None:
    assert look_up(api, "seconds").headers["Retry-After"] == "7"
    moment = email.utils.parsedate_to_datetime(look_up(api, "date").headers["Retry-After"])
    assert 100 < (moment - datetime.now(UTC)).total_seconds() <= 121
    blocked = look_up(api, "body")
    assert "Retry-After" not in blocked.headers
    text = blocked.json()["message"].partition("until: ")[2]
    moment = datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p (UTC)").replace(tzinfo=UTC)
    assert 100 < (moment - datetime.now(UTC)).total_seconds() <= 121
    assert set(look_up(api, "bare").json()) == {"message"}


def test_an_expired_token_says_how_to_authenticate(api: Api) -> None:
    assert look_up(api, "expired").headers["WWW-Authenticate"] == "Bearer"


def test_a_gateway_answers_with_a_page(api: Api) -> None:
    answer = look_up(api, "gateway")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert "<h1>502 Bad Gateway</h1>" in answer.text


@pytest.mark.parametrize(("name", "status"), [("empty-503", 503), ("redirect", 302), ("no-content", 204)])
def test_an_answer_may_have_no_body(api: Api, name: str, status: int) -> None:
    answer = look_up(api, name, allow_redirects=False)
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers.get("Location") == ("https://login.example/" if name == "redirect" else None)


# ------------------------------------------------------------------------------------------------ connections
@pytest.mark.parametrize("name", ["close", "close-after"])
def test_a_connection_is_closed_without_an_answer(api: Api, name: str) -> None:
    assert raw_answer(api, name) == b""


@pytest.mark.parametrize("name", ["reset", "reset-after"])
def test_a_connection_is_reset(api: Api, name: str) -> None:
    with pytest.raises(ConnectionResetError):
        raw_answer(api, name)


def test_an_answer_is_cut_in_the_middle(api: Api) -> None:
    head, _, body = raw_answer(api, "cut").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"Content-Length:"))
    assert 0 < len(body) < length


# ------------------------------------------------------------------------------------------------ answers
def test_an_answer_may_be_half_a_json_a_page_or_nothing(api: Api) -> None:
    half, page, nothing = (look_up(api, name) for name in ("half", "html", "empty"))
    assert {one.status_code for one in (half, page, nothing)} == {200}
    assert half.text.startswith('{"id":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.text)
    assert (page.headers["Content-Type"], page.text[:6]) == ("text/html", "<html>")
    assert nothing.content == b""


@pytest.mark.parametrize(("name", "status"), [("delay", 200), ("stall", 200), ("stalled-error", 500)])
def test_an_answer_may_take_its_time(api: Api, name: str, status: int) -> None:
    began = time.monotonic()
    answer = look_up(api, name)
    assert time.monotonic() - began >= 0.29
    assert answer.status_code == status
    assert answer.json()


def test_a_stall_keeps_back_the_last_byte_alone(api: Api) -> None:
    link = send_look_up(api, "stall")
    with link:
        received = b""
        while not received.endswith(b'"Workspace"'):
            received += link.recv(65536)
        assert link.recv(65536) == b"}"


def test_a_request_without_a_fault_is_answered_as_usual(api: Api) -> None:
    assert look_up(api, "untouched").json()["displayName"] == "untouched"


def test_a_refused_client_is_not_counted(api: Api) -> None:
    url = f"{api.ready['api_url']}/workspaces/{IDS['full']}"
    assert requests.get(url, timeout=10).status_code == 401
    assert requests.get(url, headers={"Host": "evil.example", **api.http.headers}, timeout=10).status_code == 403


def test_the_server_survives_many_requests_with_faults_at_once(api: Api) -> None:
    names = [name for name in RULES if name not in ("delay", "stall")] * 8
    links = [send_look_up(api, name) for name in names]
    for link in links[::2]:
        link.close()  # some clients do not wait
    assert look_up(api, "untouched").status_code == 200
    for link in links[1::2]:
        link.close()


# ------------------------------------------------------------------------------------------------ the work is done before the fault
def test_a_session_whose_answer_the_gateway_lost_exists(api: Api) -> None:
    answer = api.post("/sessions", {"name": "made all the same"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "text/html")
    (made,) = api.get("/sessions").json()["items"]
    assert made["name"] == "made all the same"
    assert api.delete(f"/sessions/{made['id']}").status_code == 200


# ------------------------------------------------------------------------------------------------ sessions
def test_a_slow_start_passes_its_states_in_order_and_may_end_there(api: Api) -> None:
    path = api.start_session(name="slow").path
    states = []
    until = time.monotonic() + 15
    while (view := api.get(path).json()).get("state") != "killed":
        state = view.get("state") or view["fabricSessionStateInfo"]["state"]
        assert ("state" in view) == ("livyInfo" in view) == (state == "not_started")
        states += [state] if state not in states else []
        assert time.monotonic() < until
        time.sleep(0.05)
    assert states == ["queued", "libraryPackaging", "acquiringSession", "not_started"]
    assert (view["result"], view["cancellationReason"]) == ("Cancelled", "cancelled in the Monitoring hub")
    assert view["errorInfo"] == []
    assert view["fabricSessionStateInfo"] == {"state": "cancelled", "errorMessage": "cancelled in the Monitoring hub"}
    refused = api.post(f"{path}/statements", {"code": "1", "kind": "sql"})
    assert refused.status_code == 404
    assert "is killed: cancelled in the Monitoring hub" in refused.json()["message"]
    assert api.delete(path).status_code == 200


def test_a_lost_session_is_no_longer_found(api: Api) -> None:
    path = api.start_session(name="lost").path
    assert api.get(path).json()["name"] == "lost"
    until = time.monotonic() + 10
    while api.get(path).status_code != 404:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "lost" not in {item["name"] for item in api.get("/sessions").json()["items"]}
    assert api.delete(path).status_code == 404


@pytest.mark.parametrize("conf", [{"spark.sql.shuffle.partitions": "7"}, {"spark.livy.session.idle.timeout": "30m"}])
def test_a_setting_that_no_starter_pool_has_is_named_in_the_tags(api: Api, conf: dict[str, str]) -> None:
    session = api.start_session(name="on demand", conf=conf, tags={"mine": "m"})
    (tags,) = (item["tags"] for item in api.get("/sessions").json()["items"] if item["id"] == session.id)
    if "spark.livy.session.idle.timeout" in conf:
        assert tags.pop("FallbackMessages").endswith("incompatible with the pool: spark.livy.session.idle.timeout,")
        assert tags == {"mine": "m", "more": "m", "FallbackReasons": "UserSparkConfigMismatch"}
        assert session.wait_for("not_started")["tags"]["FallbackReasons"] == "UserSparkConfigMismatch"
    else:
        assert tags == {"mine": "m"}
    assert api.delete(session.path).status_code == 200


def test_a_session_that_never_starts_can_be_deleted(api: Api) -> None:
    session = api.start_session(name="stuck")
    assert api.get(session.path).json()["fabricSessionStateInfo"] == {"state": "queued"}
    assert api.delete(session.path).status_code == 200
    assert api.get(session.path).status_code == 404


# ------------------------------------------------------------------------------------------------ log, seed, errors of the file
def test_the_log_has_the_injected_fault_and_no_token(api: Api, logs: Path) -> None:
    look_up(api, "gateway")
    text = (logs / "fabric-livy-magic" / "serve.log").read_text(encoding="utf-8")
    rule = f"requests[{list(RULES).index('gateway')}]"
    assert f"GET '/v1/workspaces/{IDS['gateway']}' is struck by {rule}: 502" in text
    assert TOKEN not in text
    assert "Traceback" not in text


def test_the_seed_is_printed(api: Api, tmp_path: Path) -> None:
    assert api.ready["faults_seed"] == 11
    (tmp_path / "faults.toml").write_text("", encoding="utf-8")
    with service.serving(tmp_path / "lake", ["--token", TOKEN, "--faults", str(tmp_path / "faults.toml")]) as other:
        assert isinstance(other.ready["faults_seed"], int)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[requests]]\nstatus = 5", "faults.toml: requests[0]: status is a whole number from 200 on"),
        ("[[requests", "faults.toml cannot be read: "),
    ],
)
def test_a_wrong_file_keeps_the_server_from_starting(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "faults.toml").write_text(text, encoding="utf-8")
    complaint = service.startup_error(tmp_path, "--faults", "faults.toml", "--lakehouse", "lake")
    assert complaint.startswith(f"fabric-livy serve: {message}")


def test_a_missing_file_keeps_the_server_from_starting(tmp_path: Path) -> None:
    assert "nosuch.toml" in service.startup_error(tmp_path, "--faults", "nosuch.toml", "--lakehouse", "lake")


# ------------------------------------------------------------------------------------------------ the example
def test_the_example_file_injects_what_its_comments_say(tmp_path: Path) -> None:
    with service.serving(tmp_path / "lake", ["--token", TOKEN, "--faults", str(EXAMPLE)]) as api:
        assert api.ready["faults_seed"] == 2026
        workspaces = f"{api.ready['api_url']}/workspaces"
        assert "until: " in api.http.get(workspaces, timeout=10).json()["message"]
        assert api.http.get(workspaces, timeout=10).status_code == 200
        assert api.post("/sessions", {"name": "etl"}).status_code == 430

        queued, refused = (api.start_session(name=f"etl-{what}") for what in ("queued", "refused"))
        young = [api.get(queued.path) for _ in range(3)]
        assert [one.status_code for one in young] == [404, 404, 200]
        assert young[0].json()["errorCode"] == "SparkCoreSessionNotFound"
        assert young[2].json()["fabricSessionStateInfo"] == {"state": "queued"}
        until = time.monotonic() + 10
        while (view := api.get(refused.path).json()).get("fabricSessionStateInfo", {}).get("state") != "error":
            assert time.monotonic() < until
            time.sleep(0.05)
        assert "no room" in view["fabricSessionStateInfo"]["errorMessage"]
        assert not {"state", "livyInfo", "appId"} & set(view)

        on_demand = api.start_session(name="etl-on-demand", conf={"spark.livy.session.idle.timeout": "30m"})
        listed = {item["id"]: item for item in api.get("/sessions").json()["items"]}
        assert listed[on_demand.id]["tags"]["FallbackReasons"] == "UserSparkConfigMismatch"
        for session in (queued, refused, on_demand):
            assert api.delete(session.path).status_code == 200
