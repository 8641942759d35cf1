"""`%livy debug` where a debugger cannot be: on sessions of other machines. tests/agent/test_debugger.py has where it can."""

from __future__ import annotations

import pytest

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.running import debugger
from fabric_livy_magic.settings import read_target
from tests.support.notebook import Notebook


def test_on_fabric_it_says_why_not_and_starts_no_session(bare: Notebook) -> None:
    bare.ok("%livy use Sales/Bronze")
    said = bare.fails("%livy debug")
    assert "the Livy API takes statements and gives their results, and lets nothing else through" in said
    assert "`%livy use local`" in said


@pytest.mark.parametrize("target", ["Sales/Bronze", "http://livy.example:8998"])
def test_sessions_elsewhere_have_none(target: str) -> None:
    with pytest.raises(SettingsError, match="lets nothing else through"):
        debugger.check_target(read_target(target))


@pytest.mark.parametrize("target", ["local", "http://127.0.0.1:8998", "http://localhost:8998"])
def test_sessions_of_this_machine_may(target: str) -> None:
    debugger.check_target(read_target(target))


@pytest.mark.parametrize("port", ["0", "80", "65536", "x"])
def test_a_port_is_a_number_that_may_be_free(bare: Notebook, port: str) -> None:
    assert "--port takes a number from 1024 to 65535" in bare.fails(f"%livy debug --port {port}")
