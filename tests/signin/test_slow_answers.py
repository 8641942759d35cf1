"""Sign-ins whose far end stalls, drips or bombs: each ends in its time, with an error that says so."""

from __future__ import annotations

import time

import pytest
import requests

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.app import MsalHttp, as_sign_in_errors
from fabric_livy_magic.signin.entra.workloads import workload_assertion
from tests.support.hostile_server import ENDLESS, OK, STALLING, Behaviour, HostileServer, always, sends

LIMIT_S, SLACK_S = 0.4, 2.0


@pytest.mark.parametrize("behaviour", STALLING.values(), ids=STALLING)
def test_a_token_request_ends_within_its_time_out(behaviour: Behaviour) -> None:
    with HostileServer(always(behaviour)) as server:
        http = MsalHttp(timeout_s=LIMIT_S, is_on_this_machine=True)
        began = time.monotonic()
        with pytest.raises(SignInError, match="cannot be reached"):
            as_sign_in_errors(lambda: {"answer": http.get(server.url)}, "the authority")
        assert time.monotonic() - began < 2 * LIMIT_S + SLACK_S  # MSAL's requests are tried twice


@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_token_answer_is_not_read(behaviour: Behaviour) -> None:
    with HostileServer(always(behaviour)) as server, pytest.raises(requests.RequestException, match="more than 4 MiB"):
        MsalHttp(is_on_this_machine=True).get(server.url)


ODD = {
    "an endless body": ENDLESS["an endless body"],
    "a bomb": ENDLESS["a bomb"],
    "nested": sends(OK + b"Connection: close\r\n\r\n" + b"[" * 100_000 + b"]" * 100_000),
    "half": sends(OK + b"Content-Length: 100\r\n\r\n{"),
}


@pytest.mark.parametrize("behaviour", ODD.values(), ids=ODD)
def test_a_federated_token_that_cannot_be_read_is_a_sign_in_error(behaviour: Behaviour) -> None:
    with HostileServer(always(behaviour)) as server:
        variables = {"ACTIONS_ID_TOKEN_REQUEST_URL": server.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
        with pytest.raises(SignInError, match="GitHub did not give"):
            workload_assertion(variables)()
