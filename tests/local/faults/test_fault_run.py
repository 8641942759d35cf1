"""No statement is lost or runs twice: 1,000 statements through a proxy that breaks calls at random."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from fabric_livy_magic.livy.client import Dialect
from tests.support import livy_dialect, service
from tests.support.fault_run import Run, report

pytestmark = pytest.mark.spark
STATEMENTS = 500  # in each dialect


def check(api: service.Api, dialect: Dialect, folder: Path) -> None:
    before = sessions(api)
    run = Run(api, dialect, folder / "keys", secrets.randbelow(2**31), f"keys_{dialect.name.lower()}")
    try:
        run.append_keys(lambda number: number < STATEMENTS)
        print(report(run))
        assert run.outcomes.contradictions(run.table()) == []
        assert len(run.outcomes.ran) > 0.98 * STATEMENTS, run.outcomes
        assert len(sessions(api) - before) == 1
        run.session.stop()
    finally:
        run.close()


def sessions(api: service.Api) -> set[str]:
    answer = api.get("/sessions").json()
    return {str(one["id"]) for one in answer.get("items", answer.get("sessions"))}


def test_nothing_is_lost_and_nothing_runs_twice_on_fabric(api: service.Api, tmp_path: Path) -> None:
    check(api, Dialect.FABRIC, tmp_path)


def test_nothing_is_lost_and_nothing_runs_twice_on_apache_livy(tmp_path: Path) -> None:
    with livy_dialect.serving(tmp_path / "house") as api:
        check(api, Dialect.APACHE_LIVY, tmp_path)
