"""What the file of a repository may choose, and how a user lets it choose more."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.clouds import CHINA, PUBLIC, US_GOVERNMENT, Cloud, cloud_of, is_fabric_address
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import resolve, setting_names
from fabric_livy_magic.settings_files import (
    NAME_IS_A_TARGET,
    NEEDS_TRUST,
    NO_SETTING,
    OWN_PROFILE,
    decide_trust,
    ignored_notice,
    project_file,
    read_files,
    shown_choices,
    take_back_trust,
    user_file,
)
from fabric_livy_magic.trust import HARMLESS, is_harmless, trusted_paths

LAKEHOUSE = "/v1/workspaces/1/lakehouses/2/livyapi/versions/2023-12-01"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pyproject.toml of a repository."""
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    return tmp_path / "repository" / "pyproject.toml"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def value_of(name: str) -> str:
    default = getattr(resolve(environ={}), name)
    return {bool: "true", int: "7", float: "7.0"}.get(type(default), '"https://hostile.example"')


@pytest.mark.parametrize("name", sorted({*setting_names()} - HARMLESS))
def test_whatever_is_not_known_to_be_harmless_does_not_count(project: Path, name: str) -> None:
    write(project, f"[tool.fabric-livy]\n{name.replace('_', '-')} = {value_of(name)}\nrows_shown = 3\n")
    files = read_files(project.parent)
    settings = resolve(environ={}, files=files)
    assert getattr(settings, name) == getattr(resolve(environ={}), name)
    assert settings.rows_shown == 3
    assert name.replace("_", "-") in ignored_notice(files)


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_what_is_harmless_counts_without_a_word(project: Path, name: str) -> None:
    value = {
        "language": '"sql"',
        "progress": '"off"',
        "live_output": '"off"',
        "rich": '"off"',
        "frames_via": '"inline"',
        "lakehouse_schemas": "false",
        "alias": "true",
    }.get(name, "7")
    files = read_files(write(project, f"[tool.fabric-livy]\n{name} = {value}\n").parent)
    assert resolve(environ={}, files=files).origins[name] == str(project)
    assert ignored_notice(files) == ""


@pytest.mark.parametrize(
    "target",
    [
        "local",
        "Sales/Gold",
        "'a/b'/c",
        f"https://api.fabric.microsoft.com{LAKEHOUSE}",
        f"https://API.fabric.microsoft.us:443{LAKEHOUSE}",
    ],
)
def test_a_target_on_fabrics_own_hosts_is_harmless(target: str) -> None:
    assert is_harmless("target", target)


@pytest.mark.parametrize(
    "target",
    [
        f"https://hostile.example{LAKEHOUSE}",
        f"http://api.fabric.microsoft.com{LAKEHOUSE}",
        f"https://api.fabric.microsoft.com.hostile.example{LAKEHOUSE}",
        f"https://api.fabric.microsoft.com:8443{LAKEHOUSE}",
        f"https://api.fabric.microsoft.com@hostile.example{LAKEHOUSE}",
        f"https://api.fabric.microsoft.com\\@hostile.example{LAKEHOUSE}",
        f"http://127.0.0.1:8998{LAKEHOUSE}",
        "https://api.fabric.microsoft.com/other",
        "http://localhost:8998",
        "profile-of-mine",
        "",
        5,
        ["local"],
    ],
)
def test_any_other_target_is_not(target: object) -> None:
    assert not is_harmless("target", target)


def test_a_trusted_file_counts_in_full_until_it_changes(project: Path) -> None:
    write(project, '[tool.fabric-livy]\nmethod = "its.module:Class"\n[tool.fabric-livy.profiles.p]\ntenant = "t"\n')
    seen: list[str] = []

    def agree(what: str) -> bool:
        seen.append(what)
        return True

    assert "is trusted until it changes" in decide_trust(project, agree)
    assert seen == [f'{project} would choose:\n  method = "its.module:Class"\n  profiles.p.tenant = "t"']
    files = read_files(project.parent)
    assert (files.ignored, resolve(environ={}, files=files).method, [*files.profiles]) == (
        (),
        "its.module:Class",
        ["p"],
    )
    assert trusted_paths() == [str(project.resolve())]

    write(project, project.read_text() + "# a comment\n")
    assert resolve(environ={}, files=read_files(project.parent)).method == "auto"
    assert ignored_notice(read_files(project.parent)).startswith(str(project))


def test_who_says_no_or_takes_it_back_trusts_nothing(project: Path) -> None:
    write(project, '[tool.fabric-livy]\ntenant = "t"\n')
    assert "do not count" in decide_trust(project, lambda what: False)
    assert resolve(environ={}, files=read_files(project.parent)).tenant == ""
    decide_trust(project, lambda what: True)
    assert resolve(environ={}, files=read_files(project.parent)).tenant == "t"
    assert "no longer trusted" in take_back_trust(project)
    assert resolve(environ={}, files=read_files(project.parent)).tenant == ""
    assert "was not trusted" in take_back_trust(project)


def test_trust_is_of_what_was_shown(project: Path) -> None:
    """The file changes between the question and the answer."""
    write(project, '[tool.fabric-livy]\ntenant = "shown"\n')

    def agree(what: str) -> bool:
        write(project, '[tool.fabric-livy]\nmethod = "its.module:Class"\n')
        return True

    decide_trust(project, agree)
    assert resolve(environ={}, files=read_files(project.parent)).method == "auto"


def test_trust_is_of_that_very_file(project: Path, tmp_path: Path) -> None:
    text = '[tool.fabric-livy]\ntenant = "t"\n'
    decide_trust(write(project, text), lambda what: True)
    copy = write(tmp_path / "copy" / "pyproject.toml", text)
    assert resolve(environ={}, files=read_files(copy.parent)).tenant == ""


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_what_is_trusted_is_written_for_this_user_alone(project: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        decide_trust(write(project, '[tool.fabric-livy]\ntenant = "t"\n'), lambda what: True)
    finally:
        os.umask(before)
    (record,) = (tmp_path / "state").rglob("*.json")
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700


def test_a_file_that_chooses_only_harmless_things_needs_no_trust(project: Path) -> None:
    write(project, "[tool.fabric-livy]\nrows_shown = 3\n")
    assert "nothing that needs your trust" in decide_trust(project, lambda what: pytest.fail("asked"))
    assert trusted_paths() == []


# ------------------------------------------------------------------------------------------------ profiles
def test_a_projects_profile_counts_after_trust_only_and_its_name_says_so(project: Path) -> None:
    write(project, '[tool.fabric-livy.profiles.prod]\ntarget = "Sales/Gold"\n')
    with pytest.raises(SettingsError, match=r"'prod' is one of .*pyproject.toml and does not count.*`%livy trust`"):
        resolve(environ={}, files=read_files(project.parent), profile="prod")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("local", NAME_IS_A_TARGET),
        ("LOCAL", NAME_IS_A_TARGET),
        (" local ", NAME_IS_A_TARGET),
        ("Sales/Gold", NAME_IS_A_TARGET),
        ("mine", OWN_PROFILE),
    ],
)
def test_no_profile_hides_a_target_or_a_users_own(project: Path, name: str, why: str) -> None:
    write(user_file(), '[profiles.mine]\ntenant = "own"\n')
    write(project, f'[tool.fabric-livy.profiles."{name}"]\ntenant = "hostile"\n')
    decide_trust(project, lambda what: True)
    files = read_files(project.parent)
    assert {one: values["tenant"] for one, (_, values) in files.profiles.items()} == {"mine": "own"}
    assert [one.why for one in files.ignored] == [why]


def test_a_name_that_is_no_setting_is_told_apart(project: Path) -> None:
    write(project, '[tool.fabric-livy]\nrows_shwon = 5\ntenant = "t"\n')
    assert [one.why for one in read_files(project.parent).ignored] == [NEEDS_TRUST, NO_SETTING]


# ------------------------------------------------------------------------------------------------ which file
def test_the_nearest_file_of_the_repository_counts_and_none_above_it(project: Path) -> None:
    above = write(project.parents[1] / "pyproject.toml", "[tool.fabric-livy]\nrows_shown = 1\n")
    deep = project.parent / "a" / "b"
    deep.mkdir(parents=True)
    assert project_file(deep) is None
    write(project, "")
    assert project_file(deep) == project
    nearer = write(project.parent / "a" / "pyproject.toml", "")
    assert project_file(deep) == nearer
    assert project_file(above.parent) == above


def test_without_a_repository_only_the_notebooks_own_folder_counts(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "")
    (tmp_path / "below").mkdir()
    assert project_file(tmp_path / "below") is None


def test_a_git_file_of_a_worktree_ends_the_search_too(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "")
    write(tmp_path / "worktree" / ".git", "gitdir: elsewhere")
    assert project_file(tmp_path / "worktree") is None


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "\udcff", "[tool"])
def test_a_broken_file_is_an_error_of_ours(project: Path, text: str) -> None:
    project.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        read_files(project.parent)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_what_a_file_chooses_is_shown_in_plain_characters(choices: dict[str, str]) -> None:
    for line in shown_choices(choices):
        assert line.isascii()
        assert line.isprintable()


def test_no_setting_of_a_secret_or_host_is_harmless() -> None:
    """Whoever adds one to the list has to read this."""
    assert not HARMLESS & {"method", "target", "tenant", "client_id", "certificate", "authority_host", "api_url"}
    assert not HARMLESS & {
        "allow_host",
        "livy_user",
        "livy_auth",
        "ca_file",
        "lakehouse",
        "sign_in_cache",
        "keep_alive_min",
        "stop_idle_min",
    }
    assert {*setting_names()} >= HARMLESS


# ------------------------------------------------------------------------------------------------ clouds
@pytest.mark.parametrize(
    ("api_url", "authority_host", "cloud"),
    [
        ("https://api.fabric.microsoft.com/v1", "https://login.microsoftonline.com", PUBLIC),
        ("https://x.z1.w.api.fabric.microsoft.com/v1", "https://login.microsoftonline.us", PUBLIC),
        ("https://api.fabric.microsoft.us/v1", "https://login.microsoftonline.com", US_GOVERNMENT),
        ("https://API.fabric.microsoft.cn/v1", "https://login.chinacloudapi.cn", CHINA),
        ("https://gateway.example/v1", "https://login.microsoftonline.us/", US_GOVERNMENT),
        ("https://vault.azure.net/v1", "https://login.example", PUBLIC),
        ("http://127.0.0.1:8998/v1", "https://login.partner.microsoftonline.cn", CHINA),
        ("http://[", "", PUBLIC),
    ],
)
def test_a_token_is_for_a_cloud_of_the_list_whatever_the_address_says(
    api_url: str, authority_host: str, cloud: Cloud
) -> None:
    assert cloud_of(api_url, authority_host) is cloud


@given(st.text(max_size=40))
def test_no_text_raises_in_the_look_for_a_fabric_address(text: str) -> None:
    assert isinstance(is_fabric_address(f"https://{text}"), bool)


def test_the_projects_table_is_read_from_the_bytes_that_are_hashed(project: Path) -> None:
    write(project, "[tool.fabric-livy]\r\nrows_shown = 4\r\n")
    assert tomllib.loads(project.read_text())["tool"]["fabric-livy"]["rows_shown"] == 4
    assert resolve(environ={}, files=read_files(project.parent)).rows_shown == 4
