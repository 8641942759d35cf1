"""How much of a capacity a session takes, as far as the server says what it was requested with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.settings import NODE_SIZES

VCORES_PER_UNIT = 2  # a capacity unit is two Spark vCores: learn.microsoft.com/fabric/data-engineering/spark-compute


def memory_text(info: SessionInfo) -> str:
    """28g + 2 x 56g (with the sign of a product): of the driver and of the executors. Empty where nothing is said."""
    asked = _asked(info)
    driver, executor = (str(asked.get(key) or "") for key in ("driverMemory", "executorMemory"))
    count = _count(asked, "numExecutors")
    executors = f"{count} × {executor}" if count and executor else executor and f"{executor} each"
    return " + ".join(filter(None, [driver, executors]))


def vcores(info: SessionInfo) -> int | None:
    """Of its driver and executors together. None where the sizes are not said, as of a starter pool. A node's memory says its
    cores, too."""
    asked = _asked(info)
    driver, executor, count = _cores(asked, "driver"), _cores(asked, "executor"), _count(asked, "numExecutors")
    return driver + executor * count if driver and executor and count else None


def vcore_seconds(info: SessionInfo, age_s: float | None) -> float | None:
    """Since it was requested. None where the sizes or the age are not said."""
    cores = vcores(info)
    return None if age_s is None or cores is None else cores * age_s


def capacity_unit_seconds(of_vcores: float | None) -> float | None:
    return None if of_vcores is None else round(of_vcores / VCORES_PER_UNIT, 1)


def capacity_unit_hours(info: SessionInfo, age_s: float | None) -> float | None:
    """See `vcore_seconds`."""
    seconds = capacity_unit_seconds(vcore_seconds(info, age_s))
    return None if seconds is None else round(seconds / 3600, 2)


def _cores(asked: Mapping[str, Any], role: str) -> int:
    memory = str(asked.get(f"{role}Memory") or "").lower()
    of_memory = next((cores for cores, of_node in NODE_SIZES.items() if of_node == memory), 0)
    return _count(asked, f"{role}Cores") or of_memory


def _asked(info: SessionInfo) -> Mapping[str, Any]:
    """Fabric has the request below `livyInfo`, Apache Livy among the session's own fields."""
    of_livy = info.raw.get("livyInfo")
    request = of_livy.get("jobCreationRequest") if isinstance(of_livy, Mapping) else None
    return request if isinstance(request, Mapping) else info.raw


def _count(asked: Mapping[str, Any], key: str) -> int:
    value = str(asked.get(key) or "")
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else 0
