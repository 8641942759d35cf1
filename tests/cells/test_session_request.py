"""The request for a new session: options and bodies are merged and checked."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.session_request import ItemReference, check_sizes, read_configuration, session_spec
from fabric_livy_magic.cells.subcommands import read_command
from fabric_livy_magic.errors import FabricLivyError, SettingsError
from fabric_livy_magic.livy.client import session_body
from fabric_livy_magic.settings import SessionSpec


def started_with(line: str, base: SessionSpec | None = None, environment_id: str = "") -> SessionSpec:
    return session_spec(read_command(f"start {line}").options, base or SessionSpec(), environment_id)


def test_options_lie_over_what_was_configured() -> None:
    base = read_configuration(SessionSpec(), '{"conf": {"a": "1", "b": "2"}, "driverCores": 4}').spec
    spec = started_with("--conf b=3 --tag team=sales --name nightly", base)
    assert session_body(spec) == {
        "name": "nightly",
        "conf": {"a": "1", "b": "3"},
        "tags": {"team": "sales"},
        "driverCores": 4,
    }


def test_bodies_are_merged_key_by_key() -> None:
    first = read_configuration(SessionSpec(), '{"conf": {"a": "1"}, "tags": {"x": "y"}}').spec
    assert read_configuration(first, '{"conf": {"b": true, "c": 5}}').spec.conf == {"a": "1", "b": "true", "c": "5"}


def test_an_environment_travels_as_json_in_the_documented_key() -> None:
    spec = started_with("", environment_id='odd"id')
    assert json.loads(spec.conf["spark.fabric.environmentDetails"]) == {"id": 'odd"id'}


def test_nothing_is_sent_that_was_not_chosen() -> None:
    assert session_body(started_with("")) == {}


@pytest.mark.parametrize(
    "line", ["--driver-cores 4 --driver-memory 28g", "--driver-memory 56G", "--executor-cores 64", ""]
)
def test_sizes_of_a_node_pass(line: str) -> None:
    check_sizes(started_with(line))


@pytest.mark.parametrize("line", ["--driver-cores 5", "--driver-cores 4 --driver-memory 56g", "--executor-memory 10g"])
def test_sizes_of_no_node_are_refused_with_those_there_are(line: str) -> None:
    with pytest.raises(SettingsError, match=r"There are: 4 cores with 28g, 8 cores with 56g"):
        check_sizes(started_with(line))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "no JSON"),
        ("[1]", "JSON object"),
        ('{"cnof": {}}', "Did you mean 'conf'"),
        ('{"conf": "a"}', "'conf' is an object"),
        ('{"name": 5}', "'name' is a text"),
        ('{"driverCores": "4"}', "'driverCores' is a whole number"),
        ('{"driverCores": true}', "'driverCores' is a whole number"),
    ],
)
def test_a_body_that_cannot_be_is_refused(body: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_configuration(SessionSpec(), body)


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ).map(json.dumps)
)
def test_any_body_is_merged_or_refused(body: str) -> None:
    with contextlib.suppress(FabricLivyError):
        session_body(read_configuration(SessionSpec(), body).spec)


def test_configure_takes_comments_and_a_last_comma_and_the_portals_own_keys() -> None:
    body = """{
        // of the pipeline
        "defaultLakehouse": {"name": {"parameterName": "house", "defaultValue": "Bronze // 1,}"}, "workspaceId": "W",},
        "environment": {"id": "E", "name": "Libs"}, /* of all */
        "mountPoints": [{"mountPoint": "/data", "source": "abfss://a@b/c"},],
        "sessionTimeoutInSeconds": 1200,
        "conf": {"a": "x, }"},
    }"""
    requested = read_configuration(SessionSpec(), body)
    assert requested.lakehouse == ItemReference(name="Bronze // 1,}", workspace_id="W")
    assert requested.environment == ItemReference(id="E", name="Libs")
    assert requested.mounts == (("abfss://a@b/c", "/data"),)
    assert requested.without_effect == ("sessionTimeoutInSeconds",)
    assert requested.spec.conf == {"a": "x, }"}


def test_any_value_may_be_a_variable_of_a_library() -> None:
    variables = {"$(/**/lib/house)": "Bronze", "$(/**/lib/cores)": 8, "$(/**/lib/floor)": 2.5}
    body = """{
        "defaultLakehouse": {"name": {"variableName": "$(/**/lib/house)"}, "workspaceId": {"variableName": "$(/**/lib/house)"}},
        "driverCores": {"variableName": "$(/**/lib/cores)"},
        "conf": {"spark.floor": {"variableName": "$(/**/lib/floor)"}, "b": {"parameterName": "b", "defaultValue": true}},
        "mountPoints": [{"mountPoint": "/data", "source": {"variableName": "$(/**/lib/house)"}}]
    }"""
    requested = read_configuration(SessionSpec(), body, variables.__getitem__)
    assert requested.lakehouse == ItemReference(name="Bronze", workspace_id="Bronze")
    assert (requested.spec.driver_cores, requested.mounts) == (8, (("Bronze", "/data"),))
    assert requested.spec.conf == {"spark.floor": "2.5", "b": "true"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"defaultLakehouse": {"name": {"variableName": "$(/**/lib/house)"}}}', "variable library"),
        ('{"defaultLakehouse": "Bronze"}', "an object with a name or an id"),
        ('{"vCores": 4}', "Python notebooks"),
        ('{"mountPoints": [{"source": "abfss://a@b/c"}]}', "mountPoint"),
        ('{"conf": {} "x": 1}', "line 1"),
    ],
)
def test_what_configure_cannot_take_is_refused_with_the_reason(body: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_configuration(SessionSpec(), body)


def test_the_tag_of_a_high_concurrency_session_is_a_word_and_tags_are_pairs() -> None:
    spec = started_with("--high-concurrency --tag sales --tag team=emea")
    assert (spec.high_concurrency, spec.session_tag, spec.tags) == (True, "sales", {"team": "emea"})
    with pytest.raises(SettingsError, match="--tag takes KEY=VALUE"):
        started_with("--tag sales")
