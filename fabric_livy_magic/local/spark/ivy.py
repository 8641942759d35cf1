"""The jars of a Maven coordinate, and of what it needs, by the Ivy that comes with Spark.

In a process of its own, which can be ended whenever it hangs: a JVM with nothing but Ivy in it is up in half a second. Ivy
tells little about why a jar was not to be had, so the repository is asked for the coordinate before.
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

ANSWER_WITHIN_S = 5.0
RESOLVE_WITHIN_S = 300.0  # 7 MB over a slow line; nobody need wait for it
NOT_FETCHED = ("org.antlr", "org.apache.spark", "org.scala-lang")  # Spark has them
REASON_CHARACTERS = 300
_REALM = re.compile(r'\bBasic\b.*?\brealm="([^"]*)"', re.IGNORECASE | re.DOTALL)


class JarsUnavailable(Exception):  # noqa: N818 - the message says why
    pass


@dataclass(frozen=True)
class Sources:
    """`settings_file` is the user's own for Ivy and counts alone. `further` are repositories beside `maven.central`,
    `ivy_homes` folders where Ivy left jars that it fetched for others."""

    maven: Maven
    settings_file: Path | None = None
    further: tuple[str, ...] = ()
    ivy_homes: tuple[Path, ...] = ()

    @classmethod
    def of_user(cls, conf: Mapping[str, str]) -> Sources:
        """From Spark's own settings and the usual places. Raises BadMavenSettings."""
        home = Path.home()
        homes = [Path(named)] if (named := conf.get("spark.jars.ivy")) else [home / ".ivy2", home / ".ivy2.5.2"]
        usual = [home / ".ivy2" / "ivysettings.xml"]
        given = conf.get("spark.jars.ivySettings", "").removeprefix("file://").removeprefix("file:")
        settings_files = [Path(given).expanduser()] if given else [one for one in usual if one.exists()]
        further = [one.strip() for one in conf.get("spark.jars.repositories", "").split(",")]
        return cls(
            Maven.of_user(),
            settings_files[0] if settings_files else None,
            tuple(one for one in further if one),
            tuple(one for one in homes if one.is_dir()),
        )


def fetch(coordinate: Coordinate, sources: Sources, java: Path, ivy: Path, work: Path, groups: ProcessGroups) -> Path:
    """Returns the folder of the jars, inside `work`. Raises JarsUnavailable or OSError."""
    problem = ""
    if sources.settings_file is None:
        try:
            realm = knock(sources.maven.central, coordinate)
        except JarsUnavailable as refused:
            problem, realm = str(refused), None  # what lies on this machine may do
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
    code, said = _run(command, work, groups)
    if code != 0 or not list(jars.glob(f"*_{coordinate.name}-{coordinate.version}.jar")):
        raise JarsUnavailable(problem or _reason(said) or f"Ivy ended with {code}")
    return jars


def _run(command: list[str], work: Path, groups: ProcessGroups) -> tuple[int | None, str]:
    output = work / "ivy.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    groups.watch(process.pid)
    try:
        code: int | None = process.wait(RESOLVE_WITHIN_S)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        process.kill()
        process.wait()
        groups.forget(process.pid)
    return code, output.read_text(encoding="utf-8", errors="replace")


def _reason(said: str) -> str:
    """The first line of Ivy's output that names a fault, else what it could not find."""
    lines = [line.strip() for line in said.splitlines()]
    telling = [line for line in lines if re.search(r"(Exception|error)\b", line) and not line.startswith("at ")]
    missing = [line.strip(": ") for line in lines if line.endswith(": not found")]
    return next(iter([*telling, *missing]), "")[:REASON_CHARACTERS]


# ------------------------------------------------------------------------------------------------ the repository
def knock(repository: Repository, coordinate: Coordinate) -> str:
    """Asks for the coordinate, so that what is wrong can be told. Returns the realm that a password is for, which Ivy has
    to know. Raises JarsUnavailable."""
    host = urlsplit(repository.url).hostname or repository.url
    status, realm = _ask(repository, coordinate, host, with_password=False)
    if status == 401 and realm is not None and repository.user:
        status, _ = _ask(repository, coordinate, host, with_password=True)
        if status in (401, 403):
            raise JarsUnavailable(f"{host} refuses user {repository.user!r} with the password in ~/.m2/settings.xml")
    if status in (401, 403):
        raise JarsUnavailable(f"{host} wants a user and a password: a <server> in ~/.m2/settings.xml")
    if status == 404:
        raise JarsUnavailable(f"{host} has no {coordinate}")
    if status >= 400:
        raise JarsUnavailable(f"{host} answers {status} when asked for {coordinate}")
    return realm or ""


def _ask(repository: Repository, coordinate: Coordinate, host: str, *, with_password: bool) -> tuple[int, str | None]:
    handlers: list[urllib.request.BaseHandler] = []
    if with_password:
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        passwords.add_password(None, repository.url, repository.user, repository.password, is_authenticated=True)
        handlers.append(urllib.request.HTTPBasicAuthHandler(passwords))
    try:
        context = ssl.create_default_context(cadata=trusted_by_python().decode("ascii") or None)
        handlers.append(urllib.request.HTTPSHandler(context=context))
        with urllib.request.build_opener(*handlers).open(repository.url + coordinate.pom, timeout=ANSWER_WITHIN_S):
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


# ------------------------------------------------------------------------------------------------ what Ivy is told
def settings_text(sources: Sources, realm: str | None) -> str:
    """Without a realm Maven Central is left out: it was asked and cannot serve."""
    maven, credentials = sources.maven, ""
    resolvers = [_maven_resolver("local-m2-cache", maven.local.as_uri())] if maven.local.is_dir() else []
    resolvers += [_cache_resolver(f"ivy-{number}", one / "cache") for number, one in enumerate(sources.ivy_homes, 1)]
    resolvers += [_maven_resolver(f"repo-{number}", url) for number, url in enumerate(sources.further, 1)]
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
    """Ivy's cache as a repository: read, never written, so that no other Spark is disturbed."""
    module = f"{cache}/[organisation]/[module]"
    return (
        f"<filesystem name={quoteattr(name)}><ivy pattern={quoteattr(f'{module}/ivy-[revision].xml')}/>"
        f"<artifact pattern={quoteattr(f'{module}/[type]s/[artifact]-[revision].[ext]')}/></filesystem>"
    )


def module_text(coordinate: Coordinate) -> str:
    wanted = {"org": coordinate.group, "name": coordinate.name, "rev": coordinate.version, "conf": "default->default"}
    left_out = "".join(f"<exclude {_attributes({'org': group})}/>" for group in NOT_FETCHED)
    return (
        '<ivy-module version="2.0"><info organisation="fabric-livy-magic" module="jars"/>'
        '<configurations><conf name="default"/></configurations>'
        f"<dependencies><dependency {_attributes(wanted)}/>{left_out}</dependencies></ivy-module>\n"
    )


def _attributes(named: Mapping[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in named.items())


def _java_options(java: Path, work: Path) -> list[str]:
    options = [
        "-XX:TieredStopAtLevel=1",
        f"-Dsun.net.client.defaultConnectTimeout={ANSWER_WITHIN_S * 1000:.0f}",
        f"-Dsun.net.client.defaultReadTimeout={ANSWER_WITHIN_S * 2000:.0f}",
        "-Divy.maven.lookup.sources=false",  # each would be asked for at every repository
        "-Divy.maven.lookup.javadoc=false",
        *trust_options(java, ()),
    ]
    if proxies := proxy_options(urllib.request.getproxies()):
        file = work / "java.options"  # where no list of processes shows a password; Java 8 knows no such files
        file.write_text("\n".join(map(_quoted, proxies)), encoding="utf-8")
        options.append(f"@{file}")
    return options


def proxy_options(proxies: Mapping[str, str]) -> list[str]:
    """HTTPS_PROXY and the like in Java's words."""
    options = []
    for scheme in ("http", "https"):
        proxy = urlsplit(proxies.get(scheme, ""))
        if proxy.hostname:
            options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={proxy.port or 80}"]
        if proxy.username:
            user, password = unquote(proxy.username), unquote(proxy.password or "")
            options += [f"-Dhttp.proxyUser={user}", f"-Dhttp.proxyPassword={password}"]  # what Ivy looks at, for both
            options.append("-Djdk.http.auth.tunneling.disabledSchemes=")  # Java forbids Basic there otherwise
    hosts = [one.strip().removeprefix("*").removeprefix(".") for one in proxies.get("no", "").split(",")]
    if options and any(hosts):
        patterns = [pattern for host in hosts if host for pattern in (host, f"*.{host}")]
        options.append(f"-Dhttp.nonProxyHosts={'|'.join(['localhost', '127.*', *patterns])}")
    return options


def _quoted(option: str) -> str:
    """A line of a file of options for `java`."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
