"""Charts of Plotly and Altair in the form that front ends draw by themselves. Their HTML loads a script from the internet, and
shows nothing where that cannot be had."""

from __future__ import annotations

import json
import re
import traceback
from typing import Any

PLOTLY = "application/vnd.plotly.v1+json"
VEGA_LITE = re.compile(r"/vega-lite/(v[1-5])\b")  # those that front ends draw; of another one they would draw nothing


def chart_data(value: Any) -> dict[str, Any]:
    """The chart itself by MIME type; empty for any other value."""
    packages = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    try:
        if "plotly" in packages and hasattr(value, "to_json"):
            figure = json.loads(value.to_json())
            count = len(figure.get("data", ()))
            return {PLOTLY: figure, "text/plain": f"Plotly figure: {count} trace{'' if count == 1 else 's'}"}
        if "altair" in packages and hasattr(value, "to_dict"):
            chart = value.to_dict()
            found = VEGA_LITE.search(str(chart.get("$schema")))
            return {f"application/vnd.vegalite.{found[1]}+json": chart} if found else {}
    except Exception:  # noqa: BLE001 - a chart that is not whole; its other forms may be shown
        traceback.print_exc()
    return {}
