"""What only Apache Livy's request for a session takes, and who signs in there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from fabric_livy_magic import connect
from fabric_livy_magic.cells.session_request import LIVY_FIELDS, check_request, livy_request, read_configuration
from fabric_livy_magic.errors import SettingsError, SignInError
from fabric_livy_magic.settings import SessionSpec
from tests.support.fakes import FakeFabric


class GatewayAuth(requests.auth.AuthBase):
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["X-Of-The-Gateway"] = "ann"
        return r


ALL = {
    "jars": ["hdfs:///one.jar", "hdfs:///two.jar"],
    "pyFiles": ["hdfs:///one.py"],
    "files": ["hdfs:///one.csv"],
    "archives": ["hdfs:///one.zip"],
    "queue": "nightly",
    "proxyUser": "ann",
    "doAs": "ann & bob",
    "ttl": "8h",
    "idleTimeout": "30m",
    "heartbeatTimeoutInSecond": 60,
    "kind": "pyspark",
}


@pytest.fixture
def apache() -> Iterator[FakeFabric]:
    fake = FakeFabric(apache=True)
    fake.session_goes("idle")
    yield fake
    fake.stop()


def asked(fake: FakeFabric) -> dict[str, Any]:
    """Of the words that only Apache Livy has."""
    body = next(one.body for one in fake.requests if one.method == "POST" and one.path.endswith("/sessions"))
    return {key: value for key, value in (body or {}).items() if key in LIVY_FIELDS}


def test_a_program_asks_for_all_that_the_api_takes(apache: FakeFabric) -> None:
    assert ALL.keys() == LIVY_FIELDS.keys()
    with connect(apache.url, livy=ALL):
        assert asked(apache) == {key: value for key, value in ALL.items() if key != "doAs"}
        (request,) = apache.seen("POST", "/sessions$")
        assert request.query == {"doAs": ["ann & bob"]}


def test_an_auth_object_of_requests_signs_in(apache: FakeFabric) -> None:
    """Also one that answers a challenge, as Kerberos does."""
    challenge = {"WWW-Authenticate": 'Digest realm="livy", nonce="n", qop="auth"'}
    apache.fault("POST", "/sessions", status=401, headers=challenge, body="")
    with connect(apache.url, credential=requests.auth.HTTPDigestAuth("ann", "secret")) as session:
        assert session.remote.ready
        assert "secret" not in repr(vars(session.remote.client.http))
    sent = [one.headers for one in apache.seen("POST", "/sessions$")]
    assert [
        "Digest" in {key.lower(): value for key, value in one.items()}.get("authorization", "") for one in sent
    ] == [
        False,
        True,
    ]


def test_a_setting_names_an_auth_class(apache: FakeFabric) -> None:
    with connect(apache.url, livy_auth="tests.sessions.test_livy_requests:GatewayAuth"):
        sent = {key.lower(): value for key, value in apache.requests[-1].headers.items()}
        assert sent["x-of-the-gateway"] == "ann"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nosuch_package:Auth", "'nosuch_package:Auth' cannot be used"),
        ("builtins:dict", "is no auth class of `requests`"),
        ("kerberos", "requests_kerberos"),
    ],
)
def test_a_setting_that_names_no_auth_class_is_told(apache: FakeFabric, name: str, message: str) -> None:
    if name == "kerberos" and importlib.util.find_spec("requests_kerberos"):
        pytest.skip("it is installed")
    with pytest.raises(SettingsError, match=message):
        connect(apache.url, livy_auth=name)


def test_an_auth_object_of_requests_is_not_for_fabric() -> None:
    url = "https://api.fabric.microsoft.com/v1/workspaces/a/lakehouses/b/livyapi/versions/2023-12-01"
    with pytest.raises(SignInError, match="is for an Apache Livy server"):
        connect(url, credential=requests.auth.HTTPBasicAuth("ann", "secret"))


def test_configure_lays_them_over_what_was_asked_before() -> None:
    base = SessionSpec(livy={"queue": "a", "ttl": "1h"})
    spec = read_configuration(base, '{"queue": "b", "jars": ["x.jar"], "numExecutors": 2}').spec
    assert (spec.livy, spec.num_executors) == ({"queue": "b", "ttl": "1h", "jars": ["x.jar"]}, 2)


@pytest.mark.parametrize("key", LIVY_FIELDS)
def test_on_fabric_each_is_refused_with_its_reason(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_request(SessionSpec(livy={key: ALL[key]}), is_fabric=True)
    assert str(caught.value).startswith(f"'{key}' is in Apache Livy's request alone. ")
    assert LIVY_FIELDS[key][1] in str(caught.value)
    check_request(SessionSpec(livy={key: ALL[key]}), is_fabric=False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jars": "one.jar"}, "'jars' is a list of texts, not 'one.jar'"),
        ({"jars": [1]}, "'jars' is a list of texts"),
        ({"heartbeatTimeoutInSecond": "soon"}, "'heartbeatTimeoutInSecond' is a whole number, not 'soon'"),
        ({"que": "a"}, "There is no 'que' in Apache Livy's request. Did you mean 'queue'"),
    ],
)
def test_a_word_that_is_none_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        livy_request(values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (SessionSpec(tags={"team": "sales"}), "Apache Livy has no tags of sessions"),
        (SessionSpec(conf={"spark.fabric.environmentDetails": "{}"}), "Environments are Fabric's"),
    ],
)
def test_fabrics_own_words_are_refused_on_apache_livy(spec: SessionSpec, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_request(spec, is_fabric=False)
    check_request(spec, is_fabric=True)
