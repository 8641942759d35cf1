"""How much of a capacity a session takes, as far as the server says what it was requested with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.livy.models import SessionInfo

VCORES_PER_UNIT = 2  # a capacity unit is two Spark vCores: learn.microsoft.com/fabric/data-engineering/spark-compute


def memory_text(info: SessionInfo) -> str:
    """28g + 2 x 56g (with the sign of a product): of the driver and of the executors. Empty where nothing is said."""
    asked = _asked(info)
    driver, executor = (str(asked.get(key) or "") for key in ("driverMemory", "executorMemory"))
    count = _count(asked, "numExecutors")
    executors = f"{count} × {executor}" if count and executor else executor and f"{executor} each"
    return " + ".join(filter(None, [driver, executors]))


def capacity_unit_hours(info: SessionInfo, age_s: float | None) -> float | None:
    """Since it was requested. None where the sizes are not said, as of a starter pool."""
    asked = _asked(info)
    driver, executor, count = (_count(asked, key) for key in ("driverCores", "executorCores", "numExecutors"))
    if age_s is None or not driver or not executor or not count:
        return None
    return round((driver + executor * count) / VCORES_PER_UNIT * age_s / 3600, 2)


def _asked(info: SessionInfo) -> Mapping[str, Any]:
    """Fabric has the request below `livyInfo`, Apache Livy among the session's own fields."""
    of_livy = info.raw.get("livyInfo")
    request = of_livy.get("jobCreationRequest") if isinstance(of_livy, Mapping) else None
    return request if isinstance(request, Mapping) else info.raw


def _count(asked: Mapping[str, Any], key: str) -> int:
    value = str(asked.get(key) or "")
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else 0
