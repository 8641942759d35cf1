"""Settings from files, profiles and Azure's own variables: which one wins, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import explain, resolve
from fabric_livy_magic.settings_files import decide_trust, read_files, user_file, write_user_setting


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "project" / "deep").mkdir(parents=True)
    (tmp_path / "project" / ".git").mkdir()
    return tmp_path


def write_user(text: str) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text, encoding="utf-8")


def write_project(folders: Path, text: str) -> Path:
    (folders / "project" / "pyproject.toml").write_text(text, encoding="utf-8")
    return folders / "project" / "deep"


def trust_all(folders: Path) -> None:
    path = folders / "project" / "pyproject.toml"
    assert decide_trust(path, lambda choices: True).endswith("takes that back.")


def test_each_source_wins_over_the_one_below_it(folders: Path) -> None:
    write_user('rows_shown = 1\ntenant = "user"\nmethod = "cli"\nprogress = "off"\nclient-id = "user"')
    deep = write_project(folders, '[tool.fabric-livy]\nrows_shown = 2\ntenant = "project"\nmethod = "device"\n')
    trust_all(folders)
    environ = {"FABRIC_LIVY_ROWS_SHOWN": "3", "AZURE_TENANT_ID": "azure"}
    settings = resolve({"start_timeout_s": 9}, {"rows_shown": 4}, environ, read_files(deep))
    assert (settings.rows_shown, settings.tenant, settings.method, settings.progress) == (4, "azure", "device", "off")
    assert settings.client_id == "user"
    origins = {name: origin for name, _, origin, _ in explain(settings)}
    assert origins["rows_shown"] == "notebook"
    assert origins["tenant"] == "environment AZURE_TENANT_ID"
    assert origins["method"].endswith("pyproject.toml")
    assert origins["progress"].endswith("config.toml")
    assert origins["start_timeout_s"] == "argument"
    assert origins["lakehouse"] == "default"


def test_files_with_a_byte_order_mark_are_read_and_written(folders: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text("rows_shown = 7\n", encoding="utf-8-sig")
    (folders / "project" / "pyproject.toml").write_text("[tool.fabric-livy]\nlanguage = 'sql'", encoding="utf-8-sig")
    settings = resolve(environ={}, files=read_files(folders / "project" / "deep"))
    assert (settings.rows_shown, settings.language) == (7, "sql")
    write_user_setting("rows_shown", "8")
    assert resolve(environ={}, files=read_files(folders)).rows_shown == 8
    assert user_file().read_bytes() == b"rows_shown = 8\n"


def test_fabric_livys_variable_wins_over_azures() -> None:
    assert resolve(environ={"AZURE_TENANT_ID": "a", "FABRIC_LIVY_TENANT": "b"}).tenant == "b"


def test_a_profile_goes_before_the_environment_and_after_the_notebook(folders: Path) -> None:
    write_user('[profiles.prod]\ntarget = "Sales/Gold"\ntenant = "contoso"\nrows_shown = 7')
    settings = resolve(None, {"rows_shown": 8}, {"FABRIC_LIVY_TENANT": "env"}, read_files(folders), "prod")
    assert (settings.target, settings.tenant, settings.rows_shown) == ("Sales/Gold", "contoso", 8)
    assert settings.origins["tenant"].startswith("profile prod in ")


def test_the_environment_can_choose_a_profile(folders: Path) -> None:
    write_user('[profiles.prod]\ntarget = "Sales/Gold"')
    assert resolve(environ={"FABRIC_LIVY_PROFILE": "prod"}, files=read_files(folders)).target == "Sales/Gold"


def test_an_unknown_profile_names_those_there_are(folders: Path) -> None:
    write_user('[profiles.prod]\ntarget = "local"')
    with pytest.raises(SettingsError, match=r"no profile 'prdo'. Did you mean 'prod'"):
        resolve(environ={}, files=read_files(folders), profile="prdo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rows_shown = ", "could not be read"),
        ("rows_shwon = 5", "Did you mean 'rows_shown'"),
        ('rows_shown = "many"', r"rows_shown \(.*config.toml\) is a number"),
        ("target = 5", r"target \(.*\) is a text"),
        ('send_chain = "maybe"', "is true or false"),
        ('client_secret = "s3cret"', "a secret stays out of settings"),
        ('profiles = "x"', "each profile is a table"),
        ('[profiles.x]\npassword = "s3cret"', "a secret stays out"),
    ],
)
def test_a_broken_file_is_reported_with_its_path_and_reason(folders: Path, text: str, message: str) -> None:
    write_user(text)
    with pytest.raises(SettingsError, match=message) as raised:
        read_files(folders)
    assert "s3cret" not in str(raised.value)


def test_a_project_without_the_table_changes_nothing(folders: Path) -> None:
    deep = write_project(folders, "[project]\nname = 'x'\n")
    assert read_files(deep).layers == ()


def test_one_value_is_set_and_the_rest_of_the_file_kept(folders: Path) -> None:
    write_user("# mine\nrows-shown = 5\n\n[profiles.a]\nrows_shown = 6\n")
    write_user_setting("rows_shown", "9")
    write_user_setting("target", 'we"ird/lake')
    assert user_file().read_text(encoding="utf-8").startswith("# mine\n")
    files = read_files(folders)
    settings = resolve(environ={}, files=files)
    assert (settings.rows_shown, settings.target) == (9, 'we"ird/lake')
    assert files.profiles["a"][1] == {"rows_shown": 6}


def test_a_value_that_does_not_fit_leaves_the_file_alone(folders: Path) -> None:
    with pytest.raises(SettingsError):
        write_user_setting("rows_shown", "many")
    assert not user_file().exists()
