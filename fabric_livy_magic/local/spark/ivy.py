"""Fetches the jars of a Maven coordinate and its dependencies, with the Ivy that comes with Spark.

Ivy runs in its own process, which can be killed if it hangs; a JVM with only Ivy starts in half a second. Ivy reports little
about the cause of a failure, so the repository is checked for the coordinate before.
"""

from __future__ import annotations

import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import quoteattr

from fabric_livy_magic.local.spark.maven import Coordinate, Maven, Repository
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.trust import trust_options, trusted_by_python
from fabric_livy_magic.own_folders import home_folder
from fabric_livy_magic.started_processes import started_environment

ANSWER_TIMEOUT_S = 5.0
RESOLVE_TIMEOUT_S = 300.0  # 7 MB over a slow line; sessions wait `delta.WAIT_S` at most
EXCLUDED_GROUPS = ("org.antlr", "org.apache.spark", "org.scala-lang")  # Spark has them
REASON_CHARACTERS = 300
_REALM = re.compile(r'\bBasic\b.*?\brealm="([^"]*)"', re.IGNORECASE | re.DOTALL)


class JarsUnavailable(Exception):  # noqa: N818 - the message says why
    pass


@dataclass(frozen=True)
class Sources:
    """`settings_file` is the user's own for Ivy; if it is set, only it counts. `repositories` are searched before `maven.central`,
    `ivy_homes` folders with jars that Ivy fetched for other programs.
    """

    maven: Maven
    settings_file: Path | None = None
    repositories: tuple[str, ...] = ()
    ivy_homes: tuple[Path, ...] = ()

    @classmethod
    def of_user(cls, conf: Mapping[str, str]) -> Sources:
        """From Spark's own settings and the default files. Raises BadMavenSettings."""
        home = home_folder()
        homes = [Path(ivy_home)] if (ivy_home := conf.get("spark.jars.ivy")) else [home / ".ivy2", home / ".ivy2.5.2"]
        default = home / ".ivy2" / "ivysettings.xml"
        settings_path = conf.get("spark.jars.ivySettings", "").removeprefix("file://").removeprefix("file:")
        settings_file = Path(settings_path).expanduser() if settings_path else default if default.exists() else None
        repositories = [one.strip() for one in conf.get("spark.jars.repositories", "").split(",")]
        return cls(
            Maven.of_user(),
            settings_file,
            tuple(one for one in repositories if one),
            tuple(one for one in homes if one.is_dir()),
        )


def fetch(coordinate: Coordinate, sources: Sources, java: Path, ivy: Path, work: Path, groups: ProcessGroups) -> Path:
    """Returns the folder of the jars, inside `work`. Raises JarsUnavailable or OSError."""
    problem = ""
    if sources.settings_file is None:
        try:
            realm = check_repository(sources.maven.central, coordinate)
        except JarsUnavailable as refused:
            problem, realm = str(refused), None  # jars on this machine may be enough
        settings = work / "ivysettings.xml"
        settings.write_text(settings_text(sources, realm), encoding="utf-8")
    else:
        settings = sources.settings_file
        if not settings.exists():
            raise JarsUnavailable(f"{settings}, named by spark.jars.ivySettings, is not there")
    module = work / "ivy.xml"
    module.write_text(module_text(coordinate), encoding="utf-8")
    jars = work / "jars"
    command = [
        str(java), *_java_options(java, work), "-cp", str(ivy), "org.apache.ivy.Main",
        "-settings", str(settings), "-ivy", str(module), "-cache", str(work / "cache"),
        "-types", "jar", "bundle", "-retrieve", f"{jars}/[organisation]_[artifact]-[revision].[ext]",
    ]  # fmt: skip
    code, output = _run(command, work, groups)
    if code != 0 or not list(jars.glob(f"*_{coordinate.name}-{coordinate.version}.jar")):
        raise JarsUnavailable(problem or _reason(output) or f"Ivy ended with {code}")
    return jars


def _run(command: list[str], work: Path, groups: ProcessGroups) -> tuple[int | None, str]:
    output = work / "ivy.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=started_environment(),
            start_new_session=True,
        )
    groups.watch(process.pid)
    try:
        code: int | None = process.wait(RESOLVE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        process.kill()
        process.wait()
        groups.forget(process.pid)
    return code, output.read_text(encoding="utf-8", errors="replace")


def _reason(output: str) -> str:
    """The first line of Ivy's output with an error, else the first module that it did not find."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line for line in lines if re.search(r"(Exception|error)\b", line) and not line.startswith("at ")]
    missing = [line.strip(": ") for line in lines if line.endswith(": not found")]
    return next(iter([*errors, *missing]), "")[:REASON_CHARACTERS]


# ------------------------------------------------------------------------------------------------ the repository
def check_repository(repository: Repository, coordinate: Coordinate) -> str:
    """Requests the coordinate's POM, for a clear reason of a failure. Returns the realm of the password, which Ivy needs.

    Raises JarsUnavailable.
    """
    host = urlsplit(repository.url).hostname or repository.url
    status, realm = _request_pom(repository, coordinate, host, with_password=False)
    if status == 401 and realm is not None and repository.user:
        status, _ = _request_pom(repository, coordinate, host, with_password=True)
        if status in (401, 403):
            raise JarsUnavailable(f"{host} refuses user {repository.user!r} with the password in ~/.m2/settings.xml")
    if status in (401, 403):
        raise JarsUnavailable(f"{host} wants a user and a password: a <server> in ~/.m2/settings.xml")
    if status == 404:
        raise JarsUnavailable(f"{host} has no {coordinate}")
    if status >= 400:
        raise JarsUnavailable(f"{host} answers {status} when asked for {coordinate}")
    return realm or ""


def _request_pom(
    repository: Repository, coordinate: Coordinate, host: str, *, with_password: bool
) -> tuple[int, str | None]:
    handlers: list[urllib.request.BaseHandler] = []
    if with_password:
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        passwords.add_password(None, repository.url, repository.user, repository.password, is_authenticated=True)
        handlers.append(urllib.request.HTTPBasicAuthHandler(passwords))
    try:
        context = ssl.create_default_context(cadata=trusted_by_python().decode("ascii") or None)
        handlers.append(urllib.request.HTTPSHandler(context=context))
        with urllib.request.build_opener(*handlers).open(repository.url + coordinate.pom, timeout=ANSWER_TIMEOUT_S):
            return 200, None
    except urllib.error.HTTPError as answer:
        with answer:
            challenge = _REALM.search(answer.headers.get("WWW-Authenticate", ""))
            return answer.code, challenge[1] if challenge else None
    except TimeoutError:
        raise JarsUnavailable(f"{host} does not answer") from None
    except (urllib.error.URLError, OSError, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise JarsUnavailable(
                f"the certificate of {host} is not trusted ({reason.verify_message}); SSL_CERT_FILE names a file of those that are"
            ) from None
        raise JarsUnavailable(f"{host} cannot be reached ({reason})") from None


# ------------------------------------------------------------------------------------------------ the files that Ivy reads
def settings_text(sources: Sources, realm: str | None) -> str:
    """Without a realm Maven Central is left out: `check_repository` failed."""
    maven, credentials = sources.maven, ""
    resolvers = [_maven_resolver("local-m2-cache", maven.local.as_uri())] if maven.local.is_dir() else []
    resolvers += [_cache_resolver(f"ivy-{number}", one / "cache") for number, one in enumerate(sources.ivy_homes, 1)]
    resolvers += [_maven_resolver(f"repo-{number}", url) for number, url in enumerate(sources.repositories, 1)]
    if realm is not None:
        central = maven.central
        resolvers.append(_maven_resolver("central", central.url))
        if central.user:
            host = urlsplit(central.url).hostname or ""
            names = {"host": host, "realm": realm, "username": central.user, "passwd": central.password}
            credentials = f"<credentials {_attributes(names)}/>"
    return (
        f'<ivysettings><settings defaultResolver="all"/>{credentials}'
        f'<resolvers><chain name="all" returnFirst="true">{"".join(resolvers)}</chain></resolvers></ivysettings>\n'
    )


def _maven_resolver(name: str, root: str) -> str:
    return f"<ibiblio {_attributes({'name': name, 'root': root, 'm2compatible': 'true', 'usepoms': 'true'})}/>"


def _cache_resolver(name: str, cache: Path) -> str:
    """Another Ivy's cache as a repository, read only."""
    module = f"{cache}/[organisation]/[module]"
    return (
        f"<filesystem name={quoteattr(name)}><ivy pattern={quoteattr(f'{module}/ivy-[revision].xml')}/>"
        f"<artifact pattern={quoteattr(f'{module}/[type]s/[artifact]-[revision].[ext]')}/></filesystem>"
    )


def module_text(coordinate: Coordinate) -> str:
    dependency = {
        "org": coordinate.group,
        "name": coordinate.name,
        "rev": coordinate.version,
        "conf": "default->default",
    }
    excluded: tuple[str, ...] = EXCLUDED_GROUPS
    if coordinate.group in excluded:  # a module of Spark's: excluded with its group, and all that it needs is there
        dependency["transitive"], excluded = "false", ()
    excludes = "".join(f"<exclude {_attributes({'org': group})}/>" for group in excluded)
    return (
        '<ivy-module version="2.0"><info organisation="fabric-livy-magic" module="jars"/>'
        '<configurations><conf name="default"/></configurations>'
        f"<dependencies><dependency {_attributes(dependency)}/>{excludes}</dependencies></ivy-module>\n"
    )


def _attributes(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in values.items())


def _java_options(java: Path, work: Path) -> list[str]:
    options = [
        "-XX:TieredStopAtLevel=1",
        f"-Dsun.net.client.defaultConnectTimeout={ANSWER_TIMEOUT_S * 1000:.0f}",
        f"-Dsun.net.client.defaultReadTimeout={ANSWER_TIMEOUT_S * 2000:.0f}",
        "-Divy.maven.lookup.sources=false",  # else each is requested from every repository
        "-Divy.maven.lookup.javadoc=false",
        *trust_options(java, ()),
    ]
    if proxies := proxy_options(urllib.request.getproxies()):
        file = work / "java.options"  # so that the list of processes shows no password; Java 8 reads no such files
        file.write_text("\n".join(map(_quoted, proxies)), encoding="utf-8")
        options.append(f"@{file}")
    return options


def proxy_options(proxies: Mapping[str, str]) -> list[str]:
    """HTTPS_PROXY and the like as Java options."""
    options = []
    for scheme in ("http", "https"):
        proxy = urlsplit(proxies.get(scheme, ""))
        if proxy.hostname:
            options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={proxy.port or 80}"]
        if proxy.username:
            user, password = unquote(proxy.username), unquote(proxy.password or "")
            options += [
                f"-Dhttp.proxyUser={user}",
                f"-Dhttp.proxyPassword={password}",
            ]  # Ivy reads these for both schemes
            options.append("-Djdk.http.auth.tunneling.disabledSchemes=")  # else Java refuses Basic for tunnels
    hosts = [one.strip().removeprefix("*").removeprefix(".") for one in proxies.get("no", "").split(",")]
    if options and any(hosts):
        patterns = [pattern for host in hosts if host for pattern in (host, f"*.{host}")]
        options.append(f"-Dhttp.nonProxyHosts={'|'.join(['localhost', '127.*', *patterns])}")
    return options


def _quoted(option: str) -> str:
    """A line of an options file of `java`."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
