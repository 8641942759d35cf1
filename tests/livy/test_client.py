"""One method per endpoint, in both dialects."""

from __future__ import annotations

import pytest

from fabric_livy_magic.errors import NotFoundError, NotLivyError, TakenWithoutId
from fabric_livy_magic.livy.client import LivyClient, session_body
from fabric_livy_magic.settings import SessionSpec
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric


def test_a_session_is_created_with_the_chosen_values_only(client: LivyClient, fake: FakeFabric) -> None:
    info = client.create_session(SessionSpec())
    assert fake.requests[0].body == {}
    assert info.id == next(iter(fake.sessions))
    assert info.state.value == "starting"


def test_what_was_chosen_for_a_session_is_sent_under_the_apis_names(client: LivyClient, fake: FakeFabric) -> None:
    client.create_session(
        SessionSpec(
            name="nightly",
            conf={"spark.sql.shuffle.partitions": 8},  # type: ignore[dict-item]
            driver_memory="28g",
            driver_cores=4,
            executor_memory="28g",
            executor_cores=4,
            num_executors=2,
        )
    )
    assert fake.requests[0].body == {
        "name": "nightly",
        "conf": {"spark.sql.shuffle.partitions": "8"},
        "driverMemory": "28g",
        "driverCores": 4,
        "executorMemory": "28g",
        "executorCores": 4,
        "numExecutors": 2,
    }


def test_an_empty_choice_is_no_choice() -> None:
    assert session_body(SessionSpec(name="", conf={}, driver_cores=0)) == {}


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_created_session_is_taken_from_any_status_of_success(fabric: FakeFabric, status: int) -> None:
    fabric.fault("POST", "/sessions", status=status, body='{"id": "s-1"}')
    assert client_of(fabric).create_session(SessionSpec()).id == "s-1"


@pytest.mark.parametrize(
    "body", ["[]", '"x"', '{"id": null}', '{"value": []}'], ids=["list", "text", "no id", "another list"]
)
def test_an_answer_without_a_session_is_no_livy_answer(fabric: FakeFabric, body: str) -> None:
    fabric.fault("POST", "/sessions", status=200, body=body)
    with pytest.raises(NotLivyError, match="not a session"):
        client_of(fabric).create_session(SessionSpec())


@pytest.mark.parametrize(
    ("status", "body", "location", "made"),
    [
        (201, "", "/sessions/17", "17"),
        (201, "", "https://other.example/v1/highConcurrencySessions/ab-1/", "ab-1"),
        (202, "", "/sessions/17", "17"),
        (201, '{"msg": "created"}', "/sessions/17", "17"),
        (201, '{"id": "s-1"}', "/sessions/17", "s-1"),
        (201, "", None, None),
        (200, "", None, None),
        (201, "{}", None, None),
        (202, "{}", None, None),
        (201, '{"msg": "created"}', None, None),
        (201, "", "/sessions/%2e%2e%2fx", None),
        (201, "", "http://[::bad", None),
        (201, "", "/sessions/" + "9" * 200, None),
    ],
)
def test_a_success_that_names_no_session_is_known_by_its_location(
    fabric: FakeFabric, status: int, body: str, location: str | None, made: str | None
) -> None:
    fabric.fault("POST", "/sessions", status=status, body=body, headers={"Location": location} if location else {})
    client = client_of(fabric)
    if made is None:
        with pytest.raises(TakenWithoutId, match="took the request for a session, and did not say which one it made"):
            client.create_session(SessionSpec())
    else:
        assert client.create_session(SessionSpec()).id == made


def test_deleting_a_session_returns_whether_it_existed(client: LivyClient) -> None:
    session_id = client.create_session(SessionSpec()).id
    assert client.delete_session(session_id)
    assert not client.delete_session(session_id)


def test_sessions_are_listed_page_by_page(client: LivyClient, fake: FakeFabric) -> None:
    created = [client.create_session(SessionSpec()).id for _ in range(205)]
    assert [info.id for info in client.list_sessions()] == created
    assert len(fake.seen("GET", "/sessions$")) == 3


def test_fabrics_page_parameters_are_text_as_in_its_contract(fabric: FakeFabric) -> None:
    client_of(fabric).list_sessions()
    assert fabric.requests[0].query == {"$top": ["100"], "$skip": ["0"]}


@pytest.mark.parametrize("body", ["{}", '{"items": null}', '{"items": [null, 3, "x"]}', '{"items": "x"}'])
def test_a_list_with_strange_items_is_read_as_far_as_it_goes(fabric: FakeFabric, body: str) -> None:
    fabric.fault("GET", "/sessions", status=200, body=body)
    assert client_of(fabric).list_sessions() == []


def test_a_statement_has_a_source_id_on_fabric(fabric: FakeFabric) -> None:
    client = client_of(fabric)
    session_id = client.create_session(SessionSpec()).id
    info = client.submit_statement(session_id, "1+1", "pyspark", "ours")
    assert fabric.requests[-1].body == {"code": "1+1", "kind": "pyspark", "sourceId": "ours"}
    assert info.source_id == "ours"


def test_apache_livy_gets_no_field_that_it_would_refuse(apache_livy: FakeFabric) -> None:
    client = client_of(apache_livy)
    session_id = client.create_session(SessionSpec()).id
    client.submit_statement(session_id, "1+1", "pyspark", "ours")
    assert apache_livy.requests[-1].body == {"code": "1+1", "kind": "pyspark"}


def test_a_statement_is_submitted_read_listed_and_cancelled(client: LivyClient, fake: FakeFabric) -> None:
    fake.statement_goes("waiting", "running")
    session_id = client.create_session(SessionSpec()).id
    statement = client.submit_statement(session_id, "1+1", "pyspark", "ours")
    assert client.get_statement(session_id, statement.id).state.value == "running"
    assert [one.id for one in client.newest_statements(session_id)] == [statement.id]
    client.cancel_statement(session_id, statement.id)
    assert str(fake.requests[-1]) == f"POST /sessions/{session_id}/statements/0/cancel"


def test_the_log_of_fabric_is_a_field_of_its_session(fabric: FakeFabric) -> None:
    fabric.session_goes("idle", log=["one", "two"])
    client = client_of(fabric)
    assert client.session_log(client.create_session(SessionSpec()).id) == ["one", "two"]


def test_the_log_of_apache_livy_is_a_call_of_its_own(apache_livy: FakeFabric) -> None:
    client = client_of(apache_livy)
    session_id = client.create_session(SessionSpec()).id
    assert client.session_log(session_id) == apache_livy.log
    assert apache_livy.requests[-1].path.endswith("/log")


def test_code_of_any_characters_arrives_as_it_was_typed(client: LivyClient, fake: FakeFabric) -> None:
    code = "s = 'é ☃ 😀 \\n \"x\"'\n\tprint(s)  # {curly} %s \x00"
    session_id = client.create_session(SessionSpec()).id
    client.submit_statement(session_id, code, "pyspark", "ours")
    assert fake.requests[-1].body["code"] == code


@pytest.mark.parametrize("session_id", ["../../x", "a/b", "a?b=1", "a#b", "", "é"])
def test_an_id_cannot_leave_its_place_in_the_path(fabric: FakeFabric, session_id: str) -> None:
    client = client_of(fabric)
    with pytest.raises((NotFoundError, NotLivyError)):
        client.get_statement(session_id, 0)
    (request,) = fabric.requests
    assert request.raw_path.startswith(f"{fabric.root}/sessions/")
    assert request.raw_path.endswith("/statements/0")
