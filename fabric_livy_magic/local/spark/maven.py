"""The Maven repository of this machine: Maven Central, or its replacement in the user's Maven settings.

From `~/.m2/settings.xml` are read: mirrors of Maven Central, repositories of active profiles with its name, servers with a
user and a password, and the folder of the local repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree  # the user's own file

from fabric_livy_magic.own_folders import home_folder

CENTRAL_ID = "central"
CENTRAL = "https://repo1.maven.org/maven2/"
CENTRAL_VARIABLE = "DEFAULT_ARTIFACT_REPOSITORY"  # Spark's own


class BadMavenSettings(ValueError):  # noqa: N818 - says what is wrong
    pass


@dataclass(frozen=True)
class Repository:
    url: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Coordinate:
    """`io.delta:delta-spark_2.12:3.3.3`"""

    group: str
    name: str
    version: str

    @classmethod
    def read(cls, text: str) -> Coordinate:
        return cls(*text.split(":"))

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def pom(self) -> str:
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.name}-{self.version}.pom"


@dataclass(frozen=True)
class Maven:
    local: Path
    central: Repository

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> Maven:
        """Raises BadMavenSettings."""
        home = home_folder()
        file = home / ".m2" / "settings.xml"
        try:
            text = file.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            text = "<settings/>"
        except (OSError, UnicodeDecodeError) as problem:
            raise BadMavenSettings(f"{file} cannot be read: {problem}") from problem
        try:
            settings = _Settings(ElementTree.fromstring(text), environment, home)  # noqa: S314
        except ElementTree.ParseError as problem:
            raise BadMavenSettings(f"{file} is no XML: {problem}") from problem
        local = settings.text(settings.root, "localRepository")
        url = environment.get(CENTRAL_VARIABLE)
        return cls(Path(local or home / ".m2" / "repository"), Repository(url) if url else settings.central())


class _Settings:
    """Maven's rules: org.apache.maven.repository.internal and `DefaultMirrorSelector`."""

    def __init__(self, root: ElementTree.Element, environment: Mapping[str, str], home: Path) -> None:
        self.root = root
        self._names = {f"env.{name}": value for name, value in environment.items()} | {"user.home": str(home)}

    def text(self, element: ElementTree.Element, name: str) -> str:
        """The text of a child element; `${env.NAME}` is replaced, an unknown name stays."""
        text = (element.findtext(f"{{*}}{name}") or "").strip()
        return re.sub(r"\$\{([^}]+)\}", lambda found: self._names.get(found[1], found[0]), text)

    def central(self) -> Repository:
        mirrors = [one for one in self.root.iterfind("{*}mirrors/{*}mirror") if self.text(one, "url")]
        by_name = [one for one in mirrors if self.text(one, "mirrorOf") == CENTRAL_ID]
        by_pattern = [one for one in mirrors if mirrors_central(self.text(one, "mirrorOf"))]
        for one in [*by_name, *by_pattern, *self._renamed()]:
            return self._repository(self.text(one, "url"), self.text(one, "id"))
        return self._repository(CENTRAL, CENTRAL_ID)

    def _renamed(self) -> list[ElementTree.Element]:
        """Repositories of active profiles that are called `central`, as Artifactory writes them."""
        active = {(one.text or "").strip() for one in self.root.iterfind("{*}activeProfiles/{*}activeProfile")}
        return [
            repository
            for profile in self.root.iterfind("{*}profiles/{*}profile")
            if self.text(profile, "id") in active or profile.findtext("{*}activation/{*}activeByDefault") == "true"
            for repository in profile.iterfind("{*}repositories/{*}repository")
            if self.text(repository, "id") == CENTRAL_ID and self.text(repository, "url")
        ]

    def _repository(self, url: str, repository_id: str) -> Repository:
        url = url if url.endswith("/") else f"{url}/"
        for server in self.root.iterfind("{*}servers/{*}server"):
            if self.text(server, "id") == repository_id:
                password = self.text(server, "password")
                if re.fullmatch(r"\{.+\}", password):
                    raise BadMavenSettings(
                        f"the password of server {repository_id!r} in ~/.m2/settings.xml is encrypted, which only Maven can"
                        " read; write ${env.NAME} there and set that variable"
                    )
                return Repository(url, self.text(server, "username"), password)
        return Repository(url)


def mirrors_central(mirror_of: str) -> bool:
    """Whether this `mirrorOf` includes Maven Central: `*`, `external:*`, `central`, `*,!other`, not `*,!central`."""
    patterns = [one.strip() for one in mirror_of.split(",")]
    return f"!{CENTRAL_ID}" not in patterns and not {"*", "external:*", CENTRAL_ID}.isdisjoint(patterns)
