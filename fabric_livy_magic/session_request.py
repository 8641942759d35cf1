"""What is asked of a new session: from `%livy start`'s options and `%%livy_configure`'s body. Pure."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import SessionSpec, did_you_mean

# Fabric's nodes: cores → memory. Driver and executor take the same kinds ("Notebook limitations" in Fabric's documents).
NODE_SIZES = {4: "28g", 8: "56g", 16: "112g", 32: "224g", 64: "400g"}


def session_spec(options: argparse.Namespace, base: SessionSpec, environment_id: str = "") -> SessionSpec:
    """The request for a new session: `base` with `%livy start`'s options. Raises SettingsError for what cannot be."""
    conf = {**base.conf, **_pairs(options.conf, "--conf", "spark.sql.shuffle.partitions=8")}
    if environment_id:
        conf["spark.fabric.environmentDetails"] = json.dumps({"id": environment_id})
    shared = [tag for tag in options.tag if "=" not in tag] if options.high_concurrency else []
    return SessionSpec(
        name=options.spark_name or base.name,
        conf=conf,
        tags={**base.tags, **_pairs([tag for tag in options.tag if tag not in shared], "--tag", "team=sales")},
        driver_memory=options.driver_memory or base.driver_memory,
        driver_cores=options.driver_cores or base.driver_cores,
        executor_memory=options.executor_memory or base.executor_memory,
        executor_cores=options.executor_cores or base.executor_cores,
        num_executors=options.num_executors or base.num_executors,
        high_concurrency=options.high_concurrency,
        session_tag=shared[-1] if shared else None,
    )


def check_sizes(spec: SessionSpec) -> None:
    """Raises SettingsError for a size that no Fabric node has: the service refuses it only after a while, in other words."""
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


def _pairs(texts: list[str], option: str, example: str) -> dict[str, str]:
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"{option} takes KEY=VALUE, such as {option} {example}, not {text!r}.")
        found[key.strip()] = value
    return found


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


def merged_spec(base: SessionSpec, body: str) -> SessionSpec:
    """`base` with a JSON body in the API's words laid over it; `conf` and `tags` key by key. Raises SettingsError."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The body is no JSON: {error}.") from error
    if not isinstance(given, dict):
        raise SettingsError('The body is a JSON object, such as {"conf": {"spark.sql.shuffle.partitions": "8"}}.')
    changes: dict[str, Any] = {}
    for key, value in given.items():
        if key not in SPEC_FIELDS:
            raise SettingsError(
                f"There is no {key!r} in a session's request.{did_you_mean(key, list(SPEC_FIELDS))} There are: {', '.join(SPEC_FIELDS)}."
            )
        name, wanted = SPEC_FIELDS[key]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise SettingsError(
                f"{key!r} is {'an object' if wanted is dict else 'a text' if wanted is str else 'a whole number'}, not {value!r}."
            )
        changes[name] = {**getattr(base, name), **_texts(value)} if isinstance(value, dict) else value
    return replace(base, **changes)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """The API takes texts only: true becomes "true"."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
