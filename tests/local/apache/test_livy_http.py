"""Livy's dialect before any session runs: who may call, what comes with each answer, how creations are refused."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support import livy_dialect
from tests.support.livy_dialect import Livy, bare, message
from tests.support.service import TOKEN, startup_error

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_dialect.serving(tmp_path_factory.mktemp("lake"), "--capacity", "1") as running:
        yield running


# ------------------------------------------------------------------------------------------------ who may call
@pytest.mark.parametrize("user", ["livy", "anybody", "", "é"])
def test_the_token_is_the_password_of_any_user(api: Livy, user: str) -> None:
    url = f"{api.base}/sessions"
    assert requests.get(url, auth=(user.encode(), TOKEN.encode()), timeout=10).status_code == 200


@pytest.mark.parametrize(
    "header",
    [None, "Basic", "Basic !!", "Basic bGl2eQ==", "Basic bGl2eTp3cm9uZw==", "Bearer wrong", TOKEN, "Digest x"],
)
def test_nobody_else_is_let_in(api: Livy, header: str | None) -> None:
    for path in ("/sessions", "/ui", "/nosuch"):
        answer = requests.get(api.base + path, headers={"Authorization": header} if header else {}, timeout=10)
        status, text = message(answer)
        assert (status, TOKEN in text) == (401, False)
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_foreign_host_name(api: Livy) -> None:
    assert message(api.get("/sessions", headers={"Host": "evil.example"}))[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_a_page_of_another_origin_changes_nothing(api: Livy, origin: str) -> None:
    """A browser that knows the password sends it along with whatever a page posts."""
    assert message(api.post("/sessions", {}, headers={"Origin": origin}))[0] == 403
    assert api.get("/sessions", headers={"Origin": origin}).json()["total"] == 0
    own = api.base.replace("localhost", "127.0.0.1")
    assert message(api.post("/sessions/9/stop", headers={"Origin": own}))[0] == 404


def test_an_authority_belongs_to_the_other_dialect(tmp_path: Path) -> None:
    error = startup_error(tmp_path, "--dialect", "livy", "--authority", "https://localhost:1")
    assert "--authority" in error


# ------------------------------------------------------------------------------------------------ answers
def test_a_response_is_compressed_on_request(api: Livy) -> None:
    answer = api.get("/sessions", headers={"Accept-Encoding": "gzip"}, stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.raw.read()) == b'{"from":0,"total":0,"sessions":[]}'
    assert "Content-Encoding" not in api.get("/sessions", headers={"Accept-Encoding": "identity"}).headers


def test_a_connection_lives_through_answers_of_all_kinds(api: Livy) -> None:
    for _ in range(10):
        for path, status in (("/sessions", 200), ("/sessions/0/", 404), ("/nosuch", 404), ("/sessions/7", 404)):
            assert api.get(path).status_code == status
            assert api.post(path, {"a": "b"}).status_code in (400, 404, 405)


def test_the_version_is_one_that_clients_know(api: Livy) -> None:
    assert set(api.get("/version").json()) == {"version", "user", "revision", "branch", "date", "url"}
    assert api.get("/version").json()["version"] == "0.9.0-incubating"


def test_names_in_pages_are_escaped(api: Livy) -> None:
    made = api.start_session(name="<script>")
    assert "<script>" not in api.get("/ui").text
    assert "&lt;script&gt;" in api.get("/ui").text
    api.delete(made.path)


# ------------------------------------------------------------------------------------------------ creations
def test_an_id_is_used_up_by_what_is_refused_after_its_body_was_read(api: Livy) -> None:
    first = api.start_session()
    api.delete(first.path)
    for body in ({"ttl": "abc"}, {"name": "12"}, {"driverCores": "two"}, {"jars": ["/etc/x.jar"]}):
        assert api.post("/sessions", body).status_code in (400, 500)
    assert bare(api.post("/sessions", {"nosuch": 1}))[0] == 400
    second = api.start_session()
    api.delete(second.path)
    assert int(second.id) == int(first.id) + 5


def test_a_name_is_found_with_any_letters_and_once_only(api: Livy) -> None:
    made = api.start_session(name="a b/é%")
    path = "/sessions/a%20b%2Fé%25"
    assert api.get(path).json()["id"] == made.id
    assert api.get(f"{path}/state").json() == {"id": made.id, "state": "starting"}
    assert "Duplicate session name: Some(a b/é%)" in message(api.post("/sessions", {"name": "a b/é%"}))[1]
    assert api.delete(path).json() == {"msg": "deleted"}
    assert message(api.get(path)) == (404, "Session 'a b/é%' not found.")


def test_the_session_that_is_one_too_many_is_refused(api: Livy) -> None:
    made = api.start_session()
    assert message(api.post("/sessions", {})) == (400, "Rejected, too many sessions are being created!")
    script = api.post("/batches", {"file": str(Path(__file__))})
    assert message(script)[0] == 400
    api.delete(made.path)
    assert api.get("/sessions").json()["total"] == 0


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "file:///etc/x.jar", "/tmp/../etc/x.jar", "file:/tmp/%2e%2e/etc/x.jar"]
)
@pytest.mark.parametrize("field", ["jars", "pyFiles", "files", "archives"])
def test_files_elsewhere_on_this_machine_are_refused(api: Livy, field: str, path: str) -> None:
    status, text = message(api.post("/sessions", {field: [path]}))
    assert (status, text.startswith("Rejected, Reason: requirement failed: Local path /")) == (400, True), text


def test_a_wrong_amount_of_memory_is_reported(api: Livy) -> None:
    status, text = message(api.post("/sessions", {"driverMemory": "lots"}))
    assert (status, "lots" in text) == (400, True)


@pytest.mark.parametrize("requested", [{"ttl": "1s"}, {"heartbeatTimeoutInSecond": 1}])
def test_a_session_whose_time_is_over_is_deleted(api: Livy, requested: dict[str, object]) -> None:
    """Also while it starts. Its own page would be a heartbeat; the list is none."""
    made = api.start_session(**requested)
    until = time.monotonic() + 20
    while api.get("/sessions").json()["total"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert message(api.get(made.path)) == (404, f"Session '{made.id}' not found.")


def test_a_session_that_was_stopped_while_it_started_stays_with_its_log(api: Livy) -> None:
    made = api.start_session()
    assert api.post(f"{made.path}/stop").status_code == 204
    assert api.get(f"{made.path}/state").json()["state"] == "dead"
    assert api.get(f"{made.path}/log").json()["log"][:1] == ["stdout: "]
    assert bare(api.post(f"{made.path}/statements", {"code": "1"})) == (
        500,
        "java.lang.IllegalStateException: Session is in state dead",
    )
    assert message(api.get(f"{made.path}/statements")) == (400, "requirement failed: Session isn't active.")
    assert api.delete(made.path).json() == {"msg": "deleted"}
