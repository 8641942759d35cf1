"""The settings, and where each value came from.

Order: argument of the call → this notebook (`%livy config`, `%livy use`, `%livy login`) →
profile → environment (`FABRIC_LIVY_*`, and Azure's own `AZURE_*` names) → project file (`[tool.fabric-livy]` in
pyproject.toml) → user file (config.toml) → default. No secret is a setting: see `INSTEAD_OF_A_SETTING`. `settings_files`
reads the files, `trust` says which choices of a project's file count.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fabric_livy_magic.errors import SettingsError

LOCAL = "local"
AZURE_CLI_CLIENT_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # signs in where no app registration was chosen
ENVIRONMENT_PREFIX = "FABRIC_LIVY_"
METHODS = (
    "auto",
    "browser",
    "device",
    "cli",
    "secret",
    "certificate",
    "managed-identity",
    "workload-identity",
    "notebook",
    "token",
)
SECRET_WORDS = ("secret", "password", "passphrase", "token", "key")


def _setting(default: Any, help_text: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help_text, **more})


VIA = AUTO, INLINE, ONELAKE = "auto", "inline", "onelake"
"""How a frame goes: see `running/frame_roads.py`."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`origins` has where each value that is no default came from."""

    target: str = _setting("", "where sessions run: local, workspace/lakehouse, a Livy connection string, a profile")
    lakehouse: str = _setting("", "folder of the embedded Fabric's lakehouse (empty: a user folder)")
    lakehouse_schemas: bool = _setting(
        True, "whether that lakehouse has schemas, dbo first, as new ones in Fabric have"
    )
    mocks: str = _setting("", "folder of answers for what the embedded Fabric cannot reach (empty: none)")
    method: str = _setting("auto", f"how to sign in: {', '.join(METHODS)}, or the dotted path of a TokenCredential")
    tenant: str = _setting("", "Entra tenant, id or domain (empty: the account's own)", azure="AZURE_TENANT_ID")
    client_id: str = _setting(
        "", f"app registration (empty: Azure CLI's, {AZURE_CLI_CLIENT_ID})", azure="AZURE_CLIENT_ID"
    )
    certificate: str = _setting("", "PEM or PFX file of the app", azure="AZURE_CLIENT_CERTIFICATE_PATH")
    send_chain: bool = _setting(
        False, "send the certificate's chain (subject name and issuer)", azure="AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"
    )
    authority_host: str = _setting(
        "https://login.microsoftonline.com",
        "who signs in; another one for a sovereign cloud",
        azure="AZURE_AUTHORITY_HOST",
    )
    api_url: str = _setting(
        "https://api.fabric.microsoft.com/v1", "the Fabric API, for names of workspaces and lakehouses"
    )
    allow_host: str = _setting(
        "", "one more host that may get a token: a gateway of your own, or HOST:PORT of this machine"
    )
    livy_user: str = _setting("", "user of an Apache Livy server; its password comes from FABRIC_LIVY_PASSWORD")
    livy_auth: str = _setting(
        "", "how to sign in to an Apache Livy server: kerberos, or package.module:Class, an auth class of `requests`"
    )
    ca_file: str = _setting("", "CA certificates to trust for sign-in and API (empty: the usual ones)")
    sign_in_cache: str = _setting(
        "encrypted", "where a sign-in is kept: encrypted, memory, plain", choices=("encrypted", "memory", "plain")
    )
    start_timeout_s: float = _setting(900.0, "seconds to wait for a session to be ready")
    capacity_wait_s: float = _setting(
        300.0, "seconds to wait for room where the Spark capacity is full (0: not at all)", may_be_0=True
    )
    keep_alive_min: float = _setting(
        0.0, "minutes after the notebook's last cell for which an idle session is kept from its timeout (0: not at all)"
    )
    stop_idle_min: float = _setting(
        0.0, "minutes without a cell after which a session that was started here is stopped (0: never)"
    )
    stop_orphan_min: float = _setting(
        2.0,
        "minutes after which a session is stopped whose kernel was killed, unless `%livy attach --last` took it (0: at once)",
        may_be_0=True,
    )
    request_timeout_s: float = _setting(60.0, "seconds to wait for the answer to one HTTP call")
    rich: str = _setting(
        "on",
        "on: PySpark and SQL cells run through an agent in the session, with displays and exact frames; off: Livy's own text",
        choices=("on", "off"),
    )
    language: str = _setting(
        "pyspark",
        "of a cell without a magic, in the Fabric Livy kernel: pyspark, sql, spark, sparkr",
        choices=("pyspark", "sql", "spark", "sparkr"),
    )
    alias: bool = _setting(
        False, "whether `%load_ext` registers %%sql, %%pyspark, %%spark and %%sparkr, as `%livy alias` does"
    )
    frames_via: str = _setting(
        "auto",
        "how frames travel: inline, in the replies of the session; onelake, by files in the lakehouse; auto: large ones by files",
        choices=VIA,
    )
    onelake_above_mib: float = _setting(64.0, "MiB above which a frame is a large one")
    rows_shown: int = _setting(10, "rows of a result that are drawn at a time below the cell")
    rows_fetched: int = _setting(
        1000, "rows of a result that come along to be paged, sorted and searched below the cell"
    )
    progress: str = _setting(
        "auto",
        "line: one line updated in place; plain: a start and an end line; off; auto",
        choices=("auto", "line", "plain", "off"),
    )
    live_output: str = _setting(
        "on",
        "on: where a person looks on, what a cell prints shows while it runs; off: at its end",
        choices=("on", "off"),
    )
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


# Fabric's node sizes: cores → memory, for driver and executor ("Notebook limitations" in Fabric's documentation).
NODE_SIZES = {4: "28g", 8: "56g", 16: "112g", 32: "224g", 64: "400g"}


@dataclass(frozen=True, kw_only=True)
class SessionSpec:
    """The request for a new session. Only chosen values are sent: any other key costs the starter pool."""

    name: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    driver_memory: str | None = None
    driver_cores: int | None = None
    executor_memory: str | None = None
    executor_cores: int | None = None
    num_executors: int | None = None
    high_concurrency: bool = False
    session_tag: str | None = None
    """Of a high-concurrency session: those of one tag share a Spark application."""
    livy: Mapping[str, Any] = field(default_factory=dict)
    """What only Apache Livy's request has, by its own names: see `cells/session_request.py`."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """`url` is the Livy base without `/sessions`. Where it is empty, `path` is `workspace/lakehouse`, to be looked up;
    where that is empty too, it is the embedded Fabric, whose port is known once it runs."""

    text: str
    url: str = ""
    path: str = ""

    @property
    def short_text(self) -> str:
        """For a line that names it in passing: a connection string is as long as two lines."""
        if not self.url or len(self.text) <= MOST_CHARACTERS_IN_PASSING:
            return self.text
        lakehouse = re.search(r"/lakehouses/([^/]+)", self.url)
        host = urlsplit(self.url).netloc
        return f"lakehouse {lakehouse[1][:8]}… at {host}" if lakehouse else host

    @property
    def is_embedded(self) -> bool:
        return not self.url and not self.path

    @property
    def is_fabric_api(self) -> bool:
        return not self.url or _FABRIC_PATH.search(self.url) is not None


MOST_CHARACTERS_IN_PASSING = 60
_FABRIC_PATH = re.compile(r"/lakehouses/[^/]+/livyapi/versions/", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(%\w+)?")
_COLLECTION = re.compile(r"/(sessions|batches|highconcurrencysessions)(/.*)?$", re.IGNORECASE)


def setting_names() -> list[str]:
    return [f.name for f in fields(Settings) if f.name != "origins"]


def setting_choices(name: str) -> tuple[str, ...]:
    """Empty where any text is allowed, and for a name that is no setting."""
    return next((f.metadata.get("choices", ()) for f in fields(Settings) if f.name == name), ())


def setting_help(name: str) -> str:
    return str(next(f.metadata["help"] for f in fields(Settings) if f.name == name))


@dataclass(frozen=True)
class Ignored:
    """What a file chose and what does not count: `choices` as written there, `why` ends the sentence that says so."""

    path: str
    choices: Mapping[str, Any]
    why: str


@dataclass(frozen=True)
class Files:
    """The content of the settings files: values by origin, lowest precedence first, and profiles by name."""

    layers: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    profiles: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    ignored: tuple[Ignored, ...] = ()


def resolve(
    arguments: Mapping[str, Any] | None = None,
    notebook: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    files: Files = Files(),
    profile: str = "",
) -> Settings:
    """Settings from all sources. Raises SettingsError for an unknown name or a value of the wrong type."""
    environ = os.environ if environ is None else environ
    layers = [*files.layers, *_from_environment(environ)]
    if profile := profile or environ.get("FABRIC_LIVY_PROFILE", ""):
        if profile not in files.profiles:
            raise SettingsError(_no_profile(profile, files))
        layers.append(files.profiles[profile])
    layers += [("notebook", notebook or {}), ("argument", arguments or {})]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, chosen in layers:
        for name, value in chosen.items():
            values[name], origins[name] = read_value(name, value, origin), origin
    return Settings(**values, origins=origins)


def _no_profile(profile: str, files: Files) -> str:
    for ignored in files.ignored:
        if f"profiles.{profile}" in {name.rpartition(".")[0] for name in ignored.choices}:
            return f"The profile {profile!r} is one of {ignored.path} and does not count: {ignored.why}"
    known = sorted(files.profiles)
    return f"There is no profile {profile!r}.{did_you_mean(profile, known)} There are: {', '.join(known) or 'none'}."


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, Mapping[str, Any]]]:
    """One layer for each variable: Azure's own names first, so that FABRIC_LIVY_* win."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for setting in fields(Settings):
        for variable in (setting.metadata.get("azure"), ENVIRONMENT_PREFIX + setting.name.upper()):
            if variable and setting.name != "origins" and environ.get(variable):
                found.append((f"environment {variable}", {setting.name: environ[variable]}))
    return found


def explain(settings: Settings) -> list[tuple[str, Any, str, str]]:
    """Rows of (name, value, origin, help)."""
    return [
        (name, getattr(settings, name), settings.origins.get(name, "default"), setting_help(name))
        for name in setting_names()
    ]


def read_value(name: str, value: Any, origin: str = "") -> Any:
    """`value`, often text, as the type that the setting has."""
    where = f" ({origin})" if origin not in {"", "notebook", "argument"} else ""
    if name not in setting_names():
        if any(word in name.lower() for word in SECRET_WORDS):
            raise SettingsError(
                f"{name!r}{where} is no setting: a secret stays out of settings and notebooks. {INSTEAD_OF_A_SETTING}"
            )
        raise SettingsError(
            f"There is no setting {name!r}{where}.{did_you_mean(name, setting_names())} `%livy config` lists them all."
        )
    setting = next(f for f in fields(Settings) if f.name == name)
    choices = setting.metadata.get("choices")
    if choices and value not in choices:
        raise SettingsError(f"{name}{where} is one of {', '.join(choices)}, not {value!r}.")
    if isinstance(setting.default, bool):
        return _yes_or_no(name, value, where)
    if isinstance(setting.default, str):
        if isinstance(value, str | Path):
            return str(value)
        raise SettingsError(f"{name}{where} is a text, not {value!r}.")
    may_be_0 = setting.default == 0 or setting.metadata.get("may_be_0", False)
    return _number(name, value, where, int if isinstance(setting.default, int) else float, may_be_0)


INSTEAD_OF_A_SETTING = (
    "A client secret is taken from AZURE_CLIENT_SECRET or asked for by `%livy login --method secret`, "
    "a token from FABRIC_LIVY_TOKEN, a passphrase from AZURE_CLIENT_CERTIFICATE_PASSWORD."
)


def _yes_or_no(name: str, value: Any, where: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    word = str(value).strip().lower()
    if word not in words:
        raise SettingsError(f"{name}{where} is true or false, not {value!r}.")
    return words[word]


def _number(name: str, value: Any, where: str, number_type: type[int] | type[float], may_be_0: bool) -> float:
    try:
        number = number_type(value)
    except (TypeError, ValueError, OverflowError):
        raise SettingsError(f"{name}{where} is a number, not {value!r}.") from None
    if isinstance(value, bool) or not 0 <= number < float("inf") or (number == 0 and not may_be_0):
        raise SettingsError(f"{name}{where} is a number{' of 0 or' if may_be_0 else ''} above 0, not {value!r}.")
    return number


def read_target(text: str) -> Target:
    """`local`, `workspace/lakehouse`, a pasted Livy connection string in any form, or the URL of an Apache Livy server."""
    text = text.strip()
    bare = text.strip("\"'")
    if bare.lower() == LOCAL:
        return Target(text=LOCAL)
    if "://" in bare:
        return Target(text=bare, url=_normal_url(bare))
    if "/" in text and text.strip("/\"' "):
        return Target(text=text, path=text)
    if not bare:
        raise SettingsError(
            "No target was chosen. Say where to run: `%livy use local`, `%livy use workspace/lakehouse`, or "
            "`%livy use <Livy connection string>`."
        )
    guess = did_you_mean(bare.lower(), [LOCAL])
    raise SettingsError(
        f"{bare!r} is no URL and no known name.{guess} Use `local`, `workspace/lakehouse` by name or id, a profile of your "
        "settings file, or paste the Livy connection string of a lakehouse (Fabric portal: lakehouse → Settings → Livy "
        "endpoint), or the http(s) address of a Livy server."
    )


def _normal_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port  # reading it checks it
    except ValueError:
        raise SettingsError("This is not an http or https address: its host or port cannot be read.") from None
    if parts.username or parts.password:
        raise SettingsError(
            "The address holds a user name or password. Leave it out: a notebook is no place for a secret."
        )
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise SettingsError(f"{text!r} is not an http or https address.")
    path = _COLLECTION.sub("", re.sub(r"/{2,}", "/", parts.path)).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def did_you_mean(word: str, known: list[str]) -> str:
    """A word that is only begun counts before one that is like it: `stat` is `status`, not `start`."""
    begun = sorted((one for one in known if len(word.lstrip("-")) > 1 and one.startswith(word)), key=len)
    near = begun or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
