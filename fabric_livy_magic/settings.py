"""What the user chose, and where each value came from.

Order, decided here and nowhere else: argument of the call → this notebook (`%livy config`, `%livy use`) →
environment (`FABRIC_LIVY_*`) → default.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fabric_livy_magic.errors import SettingsError

LOCAL = "local"
ENVIRONMENT_PREFIX = "FABRIC_LIVY_"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value per choice; `origins` tells where a value that is no default came from."""

    target: str = field(default="", metadata={"help": "where sessions run: local, or a Livy connection string"})
    lakehouse: str = field(
        default="", metadata={"help": "folder of the embedded Fabric's lakehouse (empty: a user folder)"}
    )
    start_timeout_s: float = field(default=900.0, metadata={"help": "seconds to wait for a session to be ready"})
    request_timeout_s: float = field(default=60.0, metadata={"help": "seconds to wait for the answer to one HTTP call"})
    rows_shown: int = field(default=20, metadata={"help": "rows of a result drawn below the cell"})
    progress: str = field(
        default="auto",
        metadata={
            "help": "line: one line updated in place; plain: a start and an end line; off; auto",
            "choices": ("auto", "line", "plain", "off"),
        },
    )
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class SessionSpec:
    """What is asked of a new session. Only what the user chose is sent: a key too many costs the starter pool."""

    name: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    driver_memory: str | None = None
    driver_cores: int | None = None
    executor_memory: str | None = None
    executor_cores: int | None = None
    num_executors: int | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """`url` is the Livy base without `/sessions`; empty for the embedded Fabric, whose port is known once it runs."""

    text: str
    url: str = ""

    @property
    def is_fabric_api(self) -> bool:
        return not self.url or _FABRIC_PATH.search(self.url) is not None


_FABRIC_PATH = re.compile(r"/lakehouses/[^/]+/livyapi/versions/", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(%\w+)?")
_COLLECTION = re.compile(r"/(sessions|batches|highconcurrencysessions)(/.*)?$", re.IGNORECASE)


def setting_names() -> list[str]:
    return [f.name for f in fields(Settings) if f.name != "origins"]


def setting_help(name: str) -> str:
    return str(next(f.metadata["help"] for f in fields(Settings) if f.name == name))


def resolve(
    given: Mapping[str, Any] | None = None,
    notebook: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from all sources. Raises SettingsError for an unknown name or a value of the wrong type."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    environ = os.environ if environ is None else environ
    for name in setting_names():
        variable = ENVIRONMENT_PREFIX + name.upper()
        if environ.get(variable):
            values[name], origins[name] = read_value(name, environ[variable], variable), f"environment {variable}"
    for origin, chosen in (("notebook", notebook), ("argument", given)):
        for name, value in (chosen or {}).items():
            values[name], origins[name] = read_value(name, value, origin), origin
    return Settings(**values, origins=origins)


def explain(settings: Settings) -> list[tuple[str, Any, str, str]]:
    """Rows of (name, value, origin, help)."""
    return [
        (name, getattr(settings, name), settings.origins.get(name, "default"), setting_help(name))
        for name in setting_names()
    ]


def read_value(name: str, value: Any, origin: str = "") -> Any:
    """`value`, often text, as the type that the setting has."""
    if name not in setting_names():
        raise SettingsError(
            f"There is no setting {name!r}.{did_you_mean(name, setting_names())} `%livy config` lists them all."
        )
    setting = next(f for f in fields(Settings) if f.name == name)
    where = f" ({origin})" if origin else ""
    choices = setting.metadata.get("choices")
    if choices and value not in choices:
        raise SettingsError(f"{name}{where} is one of {', '.join(choices)}, not {value!r}.")
    if isinstance(setting.default, str):
        return str(value)
    wanted = int if isinstance(setting.default, int) else float
    try:
        number = wanted(value)
    except (TypeError, ValueError, OverflowError):
        raise SettingsError(f"{name}{where} is a number, not {value!r}.") from None
    if not 0 < number < float("inf"):
        raise SettingsError(f"{name}{where} is a number above 0, not {value!r}.")
    return number


def read_target(text: str) -> Target:
    """`local`, a pasted Livy connection string in any of its forms, or the URL of an Apache Livy server."""
    text = text.strip().strip("\"'")
    if text.lower() == LOCAL:
        return Target(text=LOCAL)
    if "://" in text:
        return Target(text=text, url=_normal_url(text))
    if not text:
        raise SettingsError(
            "No target was chosen. Say where to run: `%livy use local`, or `%livy use <Livy connection string>`."
        )
    guess = did_you_mean(text.lower(), [LOCAL])
    raise SettingsError(
        f"{text!r} is no URL and no known name.{guess} Use `local`, or paste the Livy connection string of a lakehouse "
        "(Fabric portal: lakehouse → Settings → Livy endpoint), or the http(s) address of a Livy server."
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
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
