"""What of Livy's bugs its HTTP side has, beyond the recorded answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from tests.support import livy_dialect
from tests.support.livy_dialect import Livy, bare, message

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_dialect.serving(tmp_path_factory.mktemp("lake"), "--quirks") as running:
        yield running


def test_a_batch_that_was_refused_for_its_file_stays_until_it_is_deleted(api: Livy) -> None:
    assert message(api.post("/batches", {"file": "/etc/x.py", "name": "refused"}))[0] == 400
    (listed,) = api.get("/batches").json()["sessions"]
    assert (listed["name"], listed["state"]) == ("refused", "starting")
    assert api.get("/batches/refused/log").json()["total"] == 2
    assert api.delete("/batches/refused").json() == {"msg": "deleted"}
    assert api.get("/batches").json()["total"] == 0


def test_empty_bodies_are_zipped_and_do_not_say_so(api: Livy) -> None:
    answer = api.get("/nosuch", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, len(answer.content), "Content-Encoding" in answer.headers) == (404, 20, False)


def test_code_above_twenty_million_characters_is_refused(api: Livy) -> None:
    status, text = bare(api.post("/sessions/0/statements", {"code": "#" * 20_000_001}))
    assert (status, text) == (400, "String length (20000001) exceeds the maximum length (20000000)")


def poll_for_ever(api: Livy, path: str) -> None:
    while True:
        api.http.get(api.base + path, timeout=4)
        time.sleep(0.2)


def test_an_answer_that_is_too_large_never_comes_and_breaks_what_follows(api: Livy) -> None:
    session = api.start_session(kind="spark")
    session.wait_for("idle")
    statement = session.submit('println("x" * 53000000)', "spark")
    path = f"{session.path}/statements/{statement}"
    with pytest.raises(requests.ReadTimeout):
        poll_for_ever(api, path)
    assert bare(api.get(path)) == (500, "java.util.concurrent.CancellationException")
    closed = (500, "java.lang.IllegalStateException: RPC channel is closed.")
    assert bare(api.get(f"{session.path}/statements")) == closed
    assert bare(api.post(f"{session.path}/statements", {"code": "1"})) == closed
    assert session.view()["state"] == "idle"
    assert api.delete(session.path).json() == {"msg": "deleted"}
