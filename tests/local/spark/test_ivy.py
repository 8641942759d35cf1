"""Jars by real Ivy from a real server: private repositories, and the reasons where there are no jars."""

from __future__ import annotations

import socket
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from fabric_livy_magic.local.spark.ivy import JarsUnavailable, Sources, fetch
from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.maven import Coordinate, Maven, Repository
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.submit import spark_home
from tests.support.maven_server import PASSWORD, USER, MavenServer, private_tls, repository, write_files

pytestmark = pytest.mark.spark

RELEASE = Coordinate.read("io.delta:delta-spark_2.12:3.3.3")
JARS = ["io.delta_delta-spark_2.12-3.3.3.jar", "io.delta_delta-storage-3.3.3.jar"]


class Fetching:
    def __init__(self, folder: Path, groups: ProcessGroups) -> None:
        self.maven = Maven(folder / "m2", Repository("http://127.0.0.1:9/"))  # nothing listens there
        self._folder, self._groups, self._count = folder, groups, 0

    def __call__(self, url: str = "", user: str = "", password: str = "", **sources: object) -> list[str]:
        self._count += 1
        work = self._folder / f"work {self._count} é"
        work.mkdir()
        maven = Maven(self.maven.local, Repository(f"{url}/", user, password)) if url else self.maven
        java = find_java(version("pyspark"))
        (ivy,) = (spark_home() / "jars").glob("ivy-*.jar")
        jars = fetch(RELEASE, Sources(maven, **sources), java, ivy, work, self._groups)  # type: ignore[arg-type]
        return sorted(one.name for one in jars.iterdir())

    def refused(self, *arguments: str, **sources: object) -> str:
        with pytest.raises(JarsUnavailable) as refusal:
            self(*arguments, **sources)
        return str(refusal.value)


@pytest.fixture
def fetching(tmp_path: Path, groups: ProcessGroups, monkeypatch: pytest.MonkeyPatch) -> Fetching:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Fetching(tmp_path, groups)


def test_a_jar_and_what_it_needs_without_what_spark_brings(fetching: Fetching) -> None:
    with MavenServer().serving() as server:
        assert fetching(server.url) == JARS


def test_a_user_and_a_password(fetching: Fetching) -> None:
    with MavenServer(wants_password=True).serving() as server:
        assert fetching(server.url, USER, PASSWORD) == JARS
        wrong = fetching.refused(server.url, USER, "geheim")
        assert wrong == "127.0.0.1 refuses user 'me' with the password in ~/.m2/settings.xml"
        assert fetching.refused(server.url) == (
            "127.0.0.1 wants a user and a password: a <server> in ~/.m2/settings.xml"
        )


def test_a_server_that_has_no_such_jar(fetching: Fetching) -> None:
    with MavenServer(files={}).serving() as server:
        assert fetching.refused(server.url) == f"127.0.0.1 has no {RELEASE}"


def test_a_jar_that_is_missing_beside_its_pom(fetching: Fetching) -> None:
    files = {path: data for path, data in repository().items() if "storage" not in path}
    with MavenServer(files=files).serving() as server:
        assert "delta-storage;3.3.3: not found" in fetching.refused(server.url)


def test_a_host_that_refuses(fetching: Fetching) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "127.0.0.1 cannot be reached" in fetching.refused(f"http://127.0.0.1:{port}")


def test_a_host_that_never_answers_costs_seconds(fetching: Fetching) -> None:
    with MavenServer(holding=".pom").serving() as server:
        began = time.monotonic()
        assert fetching.refused(server.url) == "127.0.0.1 does not answer"
        assert time.monotonic() - began < 15


def test_https_by_an_authority_that_only_the_environment_names(
    fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, authorities = private_tls(tmp_path / "tls")
    with MavenServer().serving(tls) as server:
        assert "the certificate of 127.0.0.1 is not trusted" in fetching.refused(server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        assert fetching(server.url) == JARS
        assert len(list((tmp_path / "cache").rglob("*.p12"))) >= 1


def test_a_proxy_with_a_password(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    with MavenServer(is_proxy=True, wants_password=True).serving() as server:
        host = server.url.removeprefix("http://").removesuffix("/maven")
        monkeypatch.setenv("http_proxy", f"http://{USER}:pa%20%22ss%22%20%5C@{host}")
        assert fetching("http://maven.example/maven") == JARS
        assert server.requests[0].startswith("http://maven.example/maven/io/delta")


def test_jars_in_the_local_repository_need_no_network(fetching: Fetching) -> None:
    write_files(repository(), fetching.maven.local)
    assert fetching() == JARS


def test_jars_in_the_cache_of_another_ivy_need_no_network(fetching: Fetching, tmp_path: Path) -> None:
    with MavenServer().serving() as server:
        fetching(server.url)
    (tmp_path / "work 1 é" / "cache").rename(tmp_path / "cache-of-others")
    (tmp_path / ".ivy2").mkdir()
    (tmp_path / "cache-of-others").rename(tmp_path / ".ivy2" / "cache")
    assert fetching(ivy_homes=(tmp_path / ".ivy2",)) == JARS


def test_settings_of_the_users_own_for_ivy(fetching: Fetching, tmp_path: Path) -> None:
    with MavenServer().serving() as server:
        own = tmp_path / "own.xml"
        own.write_text(
            f'<ivysettings><settings defaultResolver="own"/><resolvers>'
            f'<ibiblio name="own" m2compatible="true" root="{server.url}/"/></resolvers></ivysettings>'
        )
        assert fetching(settings_file=own) == JARS
    assert "is not there" in fetching.refused(settings_file=tmp_path / "none.xml")
