"""The request for a new session, from `%livy start`'s options and `%%livy_configure`'s body. Pure."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.json_text import read_forgiving_json
from fabric_livy_magic.settings import NODE_SIZES, SessionSpec, did_you_mean

ENVIRONMENT_CONF = "spark.fabric.environmentDetails"


def environment_details(environment_id: str) -> str:
    return json.dumps({"id": environment_id})


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """What a new session is asked for: of `%livy start` and of `fabric-livy start`. `session_spec` reads them."""
    add = parser.add_argument
    add("--name", metavar="TEXT", dest="spark_name", help="its name on the server and in the Monitoring hub")
    add(
        "--conf",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a Spark setting; repeat for more. A key that the starter pool has not makes the start take minutes",
    )
    add("--environment", metavar="NAME", help="a Fabric environment, by name or id; it costs the starter pool")
    add("--tag", metavar="KEY=VALUE", action="append", default=[], help="a tag of the session; repeat for more")
    add("--driver-memory", metavar="SIZE", help="such as 28g")
    add("--driver-cores", metavar="N", type=int, help="of the driver")
    add("--executor-memory", metavar="SIZE", help="such as 56g")
    add("--executor-cores", metavar="N", type=int, help="of each executor")
    add("--num-executors", metavar="N", type=int, help="how many executors")
    add(
        "--livy",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help=f"a word of Apache Livy's own request; repeat for more: {', '.join(LIVY_FIELDS)}. Commas part files",
    )


def session_spec(options: argparse.Namespace, base: SessionSpec, environment_id: str = "") -> SessionSpec:
    """`base` with the options of `%livy start`. Raises SettingsError for a pair that is none."""
    conf = {**base.conf, **key_value_pairs(options.conf, "--conf", "spark.sql.shuffle.partitions=8")}
    if environment_id:
        conf[ENVIRONMENT_CONF] = environment_details(environment_id)
    session_tags = [tag for tag in options.tag if "=" not in tag] if options.high_concurrency else []
    return SessionSpec(
        name=options.spark_name or base.name,
        conf=conf,
        tags={
            **base.tags,
            **key_value_pairs([tag for tag in options.tag if tag not in session_tags], "--tag", "team=sales"),
        },
        driver_memory=options.driver_memory or base.driver_memory,
        driver_cores=options.driver_cores or base.driver_cores,
        executor_memory=options.executor_memory or base.executor_memory,
        executor_cores=options.executor_cores or base.executor_cores,
        num_executors=options.num_executors or base.num_executors,
        high_concurrency=options.high_concurrency,
        session_tag=session_tags[-1] if session_tags else None,
        livy={**base.livy, **_livy_values(key_value_pairs(options.livy, "--livy", "queue=nightly"))},
    )


def _livy_values(texts: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, text in texts.items():
        kind = LIVY_FIELDS[key][0] if key in LIVY_FIELDS else str
        is_number = kind is int and text.isdecimal()
        values[key] = [one for one in text.split(",") if one] if kind is list else int(text) if is_number else text
    return livy_request(values)


def livy_request(values: Mapping[str, Any]) -> dict[str, Any]:
    """Words of Apache Livy's own request. Raises SettingsError for one that it has not, and for a value of another type."""
    for key, value in values.items():
        if key not in LIVY_FIELDS:
            raise SettingsError(
                f"There is no {key!r} in Apache Livy's request.{did_you_mean(key, list(LIVY_FIELDS))} There are: {', '.join(LIVY_FIELDS)}."
            )
        _check_type(key, value, LIVY_FIELDS[key][0])
    return dict(values)


def check_request(spec: SessionSpec, *, is_fabric: bool) -> None:
    """Raises SettingsError for what this kind of server has no word for: it would refuse it too, or leave it out, but less clearly."""
    if is_fabric:
        for key in spec.livy:
            raise SettingsError(f"{key!r} is in Apache Livy's request alone. {LIVY_FIELDS[key][1]}")
    elif spec.tags:
        raise SettingsError("Apache Livy has no tags of sessions. `--name` gives one a name.")
    elif ENVIRONMENT_CONF in spec.conf:
        raise SettingsError(
            "Environments are Fabric's. On Apache Livy jars, pyFiles, files and archives bring libraries."
        )


def check_sizes(spec: SessionSpec) -> None:
    """Raises SettingsError for a size that no Fabric node has: the service would refuse it too, but later and less clearly."""
    sizes = ", ".join(f"{cores} cores with {memory}" for cores, memory in NODE_SIZES.items())
    for role, cores, memory in (
        ("driver", spec.driver_cores, spec.driver_memory),
        ("executor", spec.executor_cores, spec.executor_memory),
    ):
        fits = cores is None or cores in NODE_SIZES
        if memory is not None:
            fits = fits and (
                memory.lower() in NODE_SIZES.values() if cores is None else NODE_SIZES.get(cores) == memory.lower()
            )
        if not fits:
            raise SettingsError(
                f"Fabric has no {role} of {cores or 'any'} cores with {memory or 'any memory'}. There are: {sizes}."
            )


def key_value_pairs(texts: list[str], option: str, example: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"{option} takes KEY=VALUE, such as {option} {example}, not {text!r}.")
        pairs[key.strip()] = value
    return pairs


SPEC_FIELDS = {
    "name": ("name", str),
    "conf": ("conf", dict),
    "tags": ("tags", dict),
    "driverMemory": ("driver_memory", str),
    "driverCores": ("driver_cores", int),
    "executorMemory": ("executor_memory", str),
    "executorCores": ("executor_cores", int),
    "numExecutors": ("num_executors", int),
}

_LIBRARIES = "On Fabric an environment brings libraries: `--environment NAME`, or `--conf spark.jars.packages=…`."
_TIMEOUTS = (
    "On Fabric the workspace says how long an idle session stays; `%livy config stop_idle_min` stops it earlier."
)
LIVY_FIELDS: Mapping[str, tuple[type, str]] = {
    "jars": (list, _LIBRARIES),
    "pyFiles": (list, _LIBRARIES),
    "files": (list, "On Fabric files lie in the lakehouse: `%livy files cp`."),
    "archives": (list, _LIBRARIES),
    "queue": (str, "Fabric has no queues: the workspace's capacity runs the session."),
    "proxyUser": (str, "Fabric runs a session as the account that signed in."),
    "doAs": (str, "Fabric runs a session as the account that signed in."),
    "ttl": (str, _TIMEOUTS),
    "idleTimeout": (str, _TIMEOUTS),
    "heartbeatTimeoutInSecond": (int, _TIMEOUTS),
    "kind": (str, "A session on Fabric takes statements of every kind."),
}
"""Of Apache Livy's POST /sessions, beside SPEC_FIELDS: the type, and what Fabric has in its place."""

# Keys of the portal's %%configure for which the Livy API has no field.
WITHOUT_EFFECT = ("sessionTimeoutInSeconds", "useStarterPool", "useWorkspacePool")
_ITEM_KEYS = ("name", "id", "workspaceId")


@dataclass(frozen=True, kw_only=True)
class ItemReference:
    """A lakehouse or an environment, by id or name; without `workspace_id` in the notebook's own workspace."""

    name: str = ""
    id: str = ""
    workspace_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The content of a `%%configure` body; `mounts` are pairs of source and mount point."""

    spec: SessionSpec
    lakehouse: ItemReference | None = None
    environment: ItemReference | None = None
    mounts: tuple[tuple[str, str], ...] = ()
    without_effect: tuple[str, ...] = ()


def no_variable(name: str) -> Any:
    raise SettingsError(f"{name} is a variable of a variable library, and there is no repository to look in.")


def read_configuration(base: SessionSpec, body: str, variable: Callable[[str], Any] = no_variable) -> Configuration:
    """`base` overridden by a JSON body with the keys of the Livy API or the portal; `conf` and `tags` are merged key by key.
    Comments and a comma after the last entry are allowed. `variable` has the value of `$(/**/library/variable)`, which may stand
    for any value. Raises SettingsError."""
    try:
        values = _with_variables(read_forgiving_json(body), variable)
    except ValueError as error:
        raise SettingsError(f"The body is no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise SettingsError('The body is a JSON object, such as {"conf": {"spark.sql.shuffle.partitions": "8"}}.')
    known = (*SPEC_FIELDS, *LIVY_FIELDS, "defaultLakehouse", "environment", "mountPoints", *WITHOUT_EFFECT)
    for key in values:
        if key == "vCores":
            raise SettingsError("'vCores' is for Fabric's Python notebooks. Spark takes driverCores and executorCores.")
        if key not in known:
            raise SettingsError(
                f"There is no {key!r} in a session's request.{did_you_mean(key, list(known))} There are: {', '.join(known)}."
            )
    return Configuration(
        spec=replace(
            base,
            **_changes(base, {key: value for key, value in values.items() if key in SPEC_FIELDS}),
            livy={**base.livy, **livy_request({key: one for key, one in values.items() if key in LIVY_FIELDS})},
        ),
        lakehouse=_item_reference(values["defaultLakehouse"], "defaultLakehouse")
        if "defaultLakehouse" in values
        else None,
        environment=_item_reference(values["environment"], "environment") if "environment" in values else None,
        mounts=_mounts(values.get("mountPoints", [])),
        without_effect=tuple(key for key in values if key in WITHOUT_EFFECT),
    )


def _changes(base: SessionSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for key, value in values.items():
        name, value_type = SPEC_FIELDS[key]
        _check_type(key, value, value_type)
        changes[name] = {**getattr(base, name), **_as_texts(value)} if isinstance(value, dict) else value
    return changes


_TYPES = {dict: "an object", list: "a list of texts", str: "a text", int: "a whole number"}


def _check_type(key: str, value: Any, value_type: type) -> None:
    is_wrong = not isinstance(value, value_type) or isinstance(value, bool)
    if is_wrong or (value_type is list and not all(isinstance(one, str) for one in value)):
        raise SettingsError(f"{key!r} is {_TYPES[value_type]}, not {value!r}.")


def _with_variables(value: Any, variable: Callable[[str], Any]) -> Any:
    """`{"variableName": …}` replaced by the value of that variable, `{"parameterName": …, "defaultValue": …}` by the default of
    that parameter of a pipeline, since no pipeline runs here."""
    if isinstance(value, list):
        return [_with_variables(one, variable) for one in value]
    if not isinstance(value, dict):
        return value
    if isinstance(name := value.get("variableName"), str):
        return variable(name)
    if "parameterName" in value and "defaultValue" in value:
        return value["defaultValue"]
    return {key: _with_variables(one, variable) for key, one in value.items()}


def _item_reference(value: Any, key: str) -> ItemReference:
    if not isinstance(value, dict) or not (value.get("name") or value.get("id")):
        raise SettingsError(f'{key!r} is an object with a name or an id, such as {{"name": "Bronze"}}, not {value!r}.')
    name, item_id, workspace_id = (_literal_text(value.get(word, ""), f"{key}.{word}") for word in _ITEM_KEYS)
    return ItemReference(name=name, id=item_id, workspace_id=workspace_id)


def _literal_text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{where} is a text, not {value!r}.")
    return value


def _mounts(value: Any) -> tuple[tuple[str, str], ...]:
    try:
        mounts = tuple((one["source"], one["mountPoint"]) for one in value)
    except (TypeError, KeyError):
        mounts = ((None, None),)
    if not all(isinstance(text, str) and text for pair in mounts for text in pair):
        raise SettingsError(
            '\'mountPoints\' is a list such as [{"mountPoint": "/data", "source": "abfss://…"}], not ' + f"{value!r}."
        )
    return mounts


def _as_texts(values: dict[str, Any]) -> dict[str, str]:
    """The API takes strings only: true becomes "true"."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
