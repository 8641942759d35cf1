"""What the user chose, and where each value came from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import (
    Settings,
    did_you_mean,
    explain,
    read_target,
    read_value,
    resolve,
    setting_names,
)

BASE = "https://api.fabric.microsoft.com/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01"


# ------------------------------------------------------------------------------------------------ targets
@pytest.mark.parametrize("text", ["local", " local ", "LOCAL", '"local"', "'Local'"])
def test_the_embedded_fabric_is_called_local(text: str) -> None:
    target = read_target(text)
    assert (target.text, target.url, target.is_fabric_api) == ("local", "", True)


@pytest.mark.parametrize(
    "tail",
    ["", "/", "/sessions", "/sessions/", "/batches", "/highConcurrencySessions", "/sessions?x=1", "/sessions/4711"],
)
@pytest.mark.parametrize("spelling", ["livyapi", "livyApi"])
def test_a_pasted_connection_string_is_brought_to_its_base(tail: str, spelling: str) -> None:
    base = BASE.replace("livyapi", spelling)
    target = read_target(f" {base}{tail} ")
    assert target.url == base
    assert target.is_fabric_api


def test_a_doubled_slash_is_made_single() -> None:
    assert read_target("https://api.fabric.microsoft.com/v1//workspaces/w").url.endswith("/v1/workspaces/w")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://livy:8998", "http://livy:8998"),
        ("http://livy:8998/", "http://livy:8998"),
        ("http://livy:8998/sessions", "http://livy:8998"),
        ("https://gateway/livy/sessions/3", "https://gateway/livy"),
        ("http://[::1]:8998", "http://[::1]:8998"),
        ("HTTP://Livy:8998", "http://Livy:8998"),
    ],
)
def test_any_other_address_is_an_apache_livy_server(text: str, url: str) -> None:
    target = read_target(text)
    assert target.url == url
    assert not target.is_fabric_api


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No target was chosen"),
        ("  ", "No target was chosen"),
        ("lokal", "Did you mean 'local'?"),
        ("Bronze", "is no URL and no known name"),
        ("localhost:8998", "is no URL and no known name"),
        ("ftp://livy", "not an http or https address"),
        ("http://", "not an http or https address"),
        ("http:///sessions", "not an http or https address"),
        ("http://[::1", "not an http or https address"),
        ("http://livy:port", "not an http or https address"),
        ("http://livy:99999", "not an http or https address"),
        ("http://li vy:8998", "not an http or https address"),
        ("https://user:hunter2@livy", "no place for a secret"),
    ],
)
def test_what_is_no_target_is_refused_with_what_to_do(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_target(text)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(
    st.text()
    | st.from_regex(r"https?://[a-z\[\]:@/?#%0-9. ]{0,30}", fullmatch=True)
    | st.from_regex(r"https?://[a-z]{1,5}(/[a-zA-Z]{0,8}){0,4}", fullmatch=True)
)
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        target = read_target(text)
    except SettingsError:
        pass
    else:
        assert target.text == "local" or target.url.startswith(("http://", "https://")) or "/" in target.path
        assert not target.url or read_target(target.url).url == target.url


# ------------------------------------------------------------------------------------------------ values
def test_the_order_is_argument_notebook_environment_default() -> None:
    environ = {"FABRIC_LIVY_ROWS_SHOWN": "5", "FABRIC_LIVY_PROGRESS": "off", "FABRIC_LIVY_TARGET": "local"}
    settings = resolve({"rows_shown": 7}, {"rows_shown": 6, "progress": "plain"}, environ)
    assert (settings.rows_shown, settings.progress, settings.target) == (7, "plain", "local")
    assert settings.start_timeout_s == 900
    assert settings.origins == {
        "rows_shown": "argument",
        "progress": "notebook",
        "target": "environment FABRIC_LIVY_TARGET",
    }


def test_an_empty_variable_is_no_choice() -> None:
    assert resolve(environ={"FABRIC_LIVY_ROWS_SHOWN": ""}) == Settings()


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(
        SettingsError, match=r"rows_shown \(environment FABRIC_LIVY_ROWS_SHOWN\) is a number, not 'many'"
    ):
        resolve(environ={"FABRIC_LIVY_ROWS_SHOWN": "many"})


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("rows_shown", "50", 50),
        ("start_timeout_s", "90", 90.0),
        ("start_timeout_s", 0.5, 0.5),
        ("progress", "off", "off"),
        ("target", "local", "local"),
    ],
)
def test_a_value_becomes_the_settings_type(name: str, value: Any, read: Any) -> None:
    assert read_value(name, value) == read
    assert type(read_value(name, value)) is type(read)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rows_shwn", "5", "Did you mean 'rows_shown'?"),
        ("color", "red", "There is no setting 'color'. `%livy config` lists them all."),
        ("rows_shown", "2.5", "is a number"),
        ("rows_shown", "-1", "above 0"),
        ("rows_shown", "0", "above 0"),
        ("rows_shown", float("inf"), "is a number"),
        ("rows_shown", None, "is a number"),
        ("start_timeout_s", "nan", "above 0"),
        ("start_timeout_s", "inf", "above 0"),
        ("start_timeout_s", [], "is a number"),
        ("progress", "loud", "is one of auto, line, plain, off"),
        ("progress", ["line"], "is one of"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_value(name, value, "notebook")
    assert message in str(caught.value)


@given(st.sampled_from(setting_names()), st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()))
def test_any_value_is_read_or_refused(name: str, value: Any) -> None:
    try:
        read = read_value(name, value)
    except SettingsError:
        return
    assert type(read) is type(getattr(Settings(), name))


def test_every_setting_is_explained_with_its_origin() -> None:
    rows = explain(resolve({"rows_shown": 3}, environ={}))
    assert [row[0] for row in rows] == setting_names()
    assert next(row for row in rows if row[0] == "rows_shown")[1:3] == (3, "argument")
    assert all(row[2] == "default" for row in rows if row[0] != "rows_shown")
    assert all(row[3] for row in rows)


def test_a_suggestion_is_made_only_for_a_similar_name() -> None:
    assert did_you_mean("strat", ["start", "stop"]) == " Did you mean 'start'?"
    assert did_you_mean("xyz", ["start", "stop"]) == ""


def test_a_word_that_is_begun_counts_before_one_that_is_like_it() -> None:
    assert did_you_mean("stat", ["start", "statements", "status"]) == " Did you mean 'status'?"
    assert did_you_mean("--out", ["--outer", "-o", "--output"]) == " Did you mean '--outer'?"
    assert did_you_mean("s", ["start", "stop"]) == ""
