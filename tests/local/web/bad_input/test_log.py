"""What the server writes into its log, and requests at random."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.local.web.bad_input.conftest import STRANGE, ServerLog, connected, head, read_all, refused
from tests.support import service
from tests.support.random_requests import NOBODY, run_on_fabric
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ the log
def test_a_refusal_leaves_one_line_without_what_was_sent(api: Api, log: ServerLog) -> None:
    secret = "hush-hush"
    answer = api.http.post(
        f"{api.base}/sessions/{NOBODY}/statements?secret={secret}",
        json={"code": secret, "kind": "sql"},
        headers={"X-Secret": secret},
        timeout=15,
    )
    (line,) = log.new_lines(1)
    assert " INFO POST " in line
    assert line.endswith(f"statements' 404 SparkCoreSessionNotFound ({answer.headers['RequestId']})")
    requests.get(api.base, headers={"Authorization": f"Bearer {secret}"}, timeout=15)
    line = log.new_lines(2)[1]
    assert " WARNING GET " in line
    assert " 401 Unauthorized (" in line
    assert not {secret, TOKEN} & set(log.text().split())
    assert secret not in log.text()


def test_a_success_leaves_none(api: Api, log: ServerLog) -> None:
    api.get("/sessions")
    assert log.new_lines() == []


def test_no_request_writes_lines_of_its_own_into_the_log(api: Api, log: ServerLog) -> None:
    with connected(api) as link:
        link.sendall(head("GET", "/v1/a%0aFAKE\x85\xa0b" + "c" * 3_000, "Connection: close"))
        read_all(link)
        link.close()
    with connected(api) as link:
        link.sendall(b"GET / HTTP/1.1\r\nAuthorization Bearer hush\r\n\r\n")
        read_all(link)
    lines = log.new_lines(2)
    assert len(lines) == 2
    assert all(len(line) < 600 and line.isascii() and " FAKE" not in line for line in lines)
    assert "hush" not in "".join(lines)


def test_a_failure_of_the_server_is_answered_without_its_message_and_logged_with_its_place(tmp_path: Path) -> None:
    """A lakehouse that became a file, in whose place the session's folders cannot be made."""
    (tmp_path / "lake").mkdir()
    options = ["--token", TOKEN]
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    process, api = service.start(tmp_path / "lake", *options, extra_env=environment)
    (tmp_path / "lake").rmdir()
    (tmp_path / "lake").write_text("", encoding="utf-8")
    try:
        answer = api.post("/sessions", {"name": "hush"})
        log = tmp_path / "fabric-livy-magic" / "serve.log"
        refused(answer, 500, str(log))
        assert answer.json()["errorCode"] == "InternalError"
        assert "Traceback" not in answer.text
        text = log.read_text(encoding="utf-8")
        assert f"POST '{urlsplit(api.base).path}/sessions' failed ({answer.headers['RequestId']})" in text
        assert "in make" in text
        assert "hush" not in text
        assert log.stat().st_mode & 0o777 == 0o600
        assert api.get("/sessions").json()["items"] == []
    finally:
        api.http.close()
        assert service.close(process) == 0


def test_livys_dialect_logs_what_it_refuses_too(tmp_path: Path) -> None:
    options = ["--token", TOKEN, "--dialect", "livy"]
    process, api = service.start(tmp_path / "lake", *options, extra_env={"XDG_STATE_HOME": str(tmp_path)})
    log = ServerLog(tmp_path / "fabric-livy-magic" / "serve.log")
    assert api.post("/sessions", {"hush": 1}).status_code == 400
    assert api.get("/sessions/9/statements?hush=1").status_code == 404
    api.http.close()
    assert service.close(process) == 0
    logged = re.findall(r"(POST|GET) '(\S+)' (\d+)", log.text())
    assert logged == [("POST", "/sessions", "400"), ("GET", "/sessions/9/statements", "404")]
    assert "hush" not in log.text()


def test_without_a_folder_for_its_log_a_server_serves_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    process, api = service.start(
        tmp_path / "lake", "--token", TOKEN, extra_env={"XDG_STATE_HOME": str(tmp_path / "file")}
    )
    assert api.get("/nowhere").status_code == 404
    api.http.close()
    assert service.close(process) == 0


# ------------------------------------------------------------------------------------------------ at random
def test_random_requests_get_documented_answers() -> None:
    """A share of what `python -m tests.support.random_requests` sends."""
    outcome = run_on_fabric(1_500, seed_=20_260_417)
    assert set(outcome.statuses) >= {200, 202, 204, 400, 401, 403, 404, 405, 430}
    assert outcome.unanswered < 300


# ------------------------------------------------------------------------------------------------ with Spark
def test_a_session_of_strange_settings_starts_and_its_statements_say_what_is_wrong(tmp_path: Path) -> None:
    conf = {"spark.a\0b": "c\n=d", "spark.é": "\ud800", "x y": "", "": "e", "spark.k=v": "#!:"}
    with service.serving(tmp_path / "lake") as api:
        session = api.start_session(name=STRANGE, conf=conf)
        session.wait_for("idle")
        assert session.text("spark.conf.get('spark.k=v'), spark.conf.get('spark.a\\0b')") == "('#!:', 'c\\n=d')"
        for kind in ("pyspark", "sql", "spark"):
            for code in ("\ud800", "a\0b", "'\ud800'"):
                view = session.wait(session.submit(code, kind))
                assert view["state"] == "available"
                assert view["output"]["status"] in ("ok", "error")
                assert view["output"].get("ename") != "InternalError", view["output"]
        assert session.text("1 + 1") == "2"
        assert json.loads(session.api.get(session.path).text)["state"] == "idle"
