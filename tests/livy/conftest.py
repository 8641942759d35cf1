"""Clients of the scripted server: one request, a session, a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import StatementInfo
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.livy.submission import KnownStatements
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.timing import FakeClock

Run = Callable[..., StatementInfo]


@pytest.fixture(params=["fabric", "apache_livy"])
def fake(request: pytest.FixtureRequest) -> FakeFabric:
    """Both dialects."""
    one: FakeFabric = request.getfixturevalue(request.param)
    return one


@pytest.fixture
def client(fake: FakeFabric) -> LivyClient:
    return client_of(fake)


@pytest.fixture
def run(client: LivyClient, clock: FakeClock) -> Run:
    """Runs one statement after the other on one session."""
    session_id, known_statements = client.create_session(SessionSpec()).id, KnownStatements(-1)

    def run(code: str = "1+1", kind: str = "pyspark", **more: Any) -> StatementInfo:
        return run_statement(
            client, session_id, code, kind, known_statements=known_statements, clock=clock, sleep=clock.sleep, **more
        )

    return run


def http_to(fabric: FakeFabric, clock: FakeClock, **more: Any) -> LivyHttp:
    return LivyHttp(fabric.url, BearerAuth(StaticToken(fabric.token)), clock=clock, sleep=clock.sleep, **more)


@pytest.fixture
def http(fabric: FakeFabric, clock: FakeClock) -> LivyHttp:
    return http_to(fabric, clock)
