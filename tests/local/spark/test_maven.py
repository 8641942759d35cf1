"""Maven repositories by the user's Maven settings, and the files that Ivy reads."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.spark.ivy import Sources, module_text, proxy_options, settings_text
from fabric_livy_magic.local.spark.maven import (
    CENTRAL,
    BadMavenSettings,
    Coordinate,
    Maven,
    Repository,
    mirrors_central,
)

RELEASE = Coordinate.read("io.delta:delta-spark_2.12:3.3.3")
NAMESPACE = 'xmlns="http://maven.apache.org/SETTINGS/1.2.0"'
# Characters that XML can hold; a line break in an attribute is kept as a reference.
xml_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"))


def mirror(mirror_of: str, url: str = "https://nexus.corp/maven", mirror_id: str = "corp") -> str:
    return f"<mirror><id>{mirror_id}</id><mirrorOf>{mirror_of}</mirrorOf><url>{url}</url></mirror>"


def server(password: str, server_id: str = "corp") -> str:
    return f"<server><id>{server_id}</id><username>me</username><password>{password}</password></server>"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".m2").mkdir()
    return tmp_path


def read(home: Path, inside: str, environment: dict[str, str] | None = None, attributes: str = NAMESPACE) -> Maven:
    text = f'<?xml version="1.0"?><settings {attributes}>{inside}</settings>'
    (home / ".m2" / "settings.xml").write_text(text, encoding="utf-8")
    return Maven.of_user(environment or {})


@pytest.mark.parametrize(
    ("mirror_of", "of_central"),
    [
        ("central", True),
        ("*", True),
        ("external:*", True),
        ("other, central", True),
        ("*,!other", True),
        ("*,!central", False),
        ("!central,*", False),
        ("other", False),
        ("central-releases", False),
        ("", False),
    ],
)
def test_which_mirrors_are_of_maven_central(mirror_of: str, of_central: bool) -> None:
    assert mirrors_central(mirror_of) == of_central


def test_without_settings_jars_come_from_maven_central(home: Path) -> None:
    assert Maven.of_user({}) == Maven(home / ".m2" / "repository", Repository(CENTRAL))


@pytest.mark.parametrize("attributes", [NAMESPACE, ""])
def test_a_mirror_with_its_servers_password_takes_the_place_of_maven_central(home: Path, attributes: str) -> None:
    inside = f"<servers>{server('secret', 'other')}{server('a&amp;b')}</servers><mirrors>{mirror('*')}</mirrors>"
    found = read(home, inside, attributes=attributes).central
    assert found == Repository("https://nexus.corp/maven/", "me", "a&b")
    assert "a&b" not in repr(found)


def test_a_mirror_of_just_central_comes_before_one_of_all(home: Path) -> None:
    inside = f"<mirrors>{mirror('*')}{mirror('central', 'https://exact.corp/')}</mirrors>"
    assert read(home, inside).central.url == "https://exact.corp/"


@pytest.mark.parametrize(("active", "url"), [("yes", "https://artifactory.corp/libs/"), ("no", CENTRAL)])
def test_a_repository_of_an_active_profile_may_take_centrals_name(home: Path, active: str, url: str) -> None:
    repository = "<repository><id>central</id><url>https://artifactory.corp/libs</url></repository>"
    profile = f"<profile><id>corp</id><repositories>{repository}</repositories></profile>"
    active_profile = "<activeProfile>corp</activeProfile>" if active == "yes" else ""
    inside = f"<profiles>{profile}</profiles><activeProfiles>{active_profile}</activeProfiles>"
    assert read(home, inside).central.url == url


def test_variables_are_filled_in(home: Path) -> None:
    inside = (
        f"<localRepository>${{user.home}}/own</localRepository><servers>{server('${env.NEXUS_PASSWORD}')}</servers>"
        f"<mirrors>{mirror('*', 'https://${env.UNKNOWN}/')}</mirrors>"
    )
    found = read(home, inside, {"NEXUS_PASSWORD": "from outside"})
    assert found.local == home / "own"
    assert found.central == Repository("https://${env.UNKNOWN}/", "me", "from outside")


def test_sparks_own_variable_comes_first(home: Path) -> None:
    inside = f"<mirrors>{mirror('*')}</mirrors>"
    environment = {"DEFAULT_ARTIFACT_REPOSITORY": "https://spark.corp/maven/"}
    assert read(home, inside, environment).central == Repository("https://spark.corp/maven/")


def test_an_encrypted_password_is_refused(home: Path) -> None:
    inside = (
        f"<servers>{server('{jSMOWnoPFgsHVpMvz5VrIt5kRbzGpI8u+9EF1iFQyJQ=}')}</servers><mirrors>{mirror('*')}</mirrors>"
    )
    with pytest.raises(BadMavenSettings, match=r"server 'corp' .* is encrypted"):
        read(home, inside)


def test_settings_that_are_no_xml_are_refused(home: Path) -> None:
    with pytest.raises(BadMavenSettings, match=r"settings\.xml is no XML"):
        read(home, "<mirrors>")


# ------------------------------------------------------------------------------------------------ the files that Ivy reads
@given(xml_text, xml_text, xml_text, xml_text)
def test_ivys_settings_hold_any_text(url: str, user: str, password: str, realm: str) -> None:
    sources = Sources(Maven(Path("/nowhere"), Repository(url, user, password)))
    root = ElementTree.fromstring(settings_text(sources, realm))
    (central,) = root.iterfind("resolvers/chain/ibiblio")
    assert central.get("root") == url
    credentials = [(one.get("username"), one.get("passwd"), one.get("realm")) for one in root.iterfind("credentials")]
    assert credentials == ([(user, password, realm)] if user else [])


def test_local_repositories_come_first_and_central_last(tmp_path: Path) -> None:
    maven = Maven(tmp_path, Repository(CENTRAL, "me", "secret"))
    sources = Sources(maven, repositories=("https://more.corp/",), ivy_homes=(tmp_path / "a",))
    for realm, names in (
        ("", ["local-m2-cache", "ivy-1", "repo-1", "central"]),
        (None, ["local-m2-cache", "ivy-1", "repo-1"]),
    ):
        root = ElementTree.fromstring(settings_text(sources, realm))
        assert [one.get("name") for one in root.findall("resolvers/chain/*")] == names
        assert (root.find("credentials") is not None) == (realm is not None)


def test_jars_of_spark_are_not_fetched() -> None:
    root = ElementTree.fromstring(module_text(RELEASE))
    assert {one.get("org") for one in root.iterfind("dependencies/exclude")} >= {"org.antlr", "org.scala-lang"}


@pytest.mark.parametrize(
    ("proxies", "options"),
    [
        ({}, []),
        ({"no": "corp.com"}, []),
        ({"https": "http://proxy:3128"}, ["-Dhttps.proxyHost=proxy", "-Dhttps.proxyPort=3128"]),
        (
            {"http": "http://a%40b:p%20w@proxy", "no": ".corp.com, localhost"},
            [
                "-Dhttp.proxyHost=proxy",
                "-Dhttp.proxyPort=80",
                "-Dhttp.proxyUser=a@b",
                "-Dhttp.proxyPassword=p w",
                "-Djdk.http.auth.tunneling.disabledSchemes=",
                "-Dhttp.nonProxyHosts=localhost|127.*|corp.com|*.corp.com|localhost|*.localhost",
            ],
        ),
    ],
)
def test_proxies_as_java_options(proxies: dict[str, str], options: list[str]) -> None:
    assert proxy_options(proxies) == options
