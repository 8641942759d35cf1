"""What is in the HTML of a result table."""

from __future__ import annotations

import json
import re
from typing import Any


def data_of(page: str) -> dict[str, Any]:
    """What the script works with."""
    text = page.split('<script type="application/json">')[1].split("</script>")[0]
    data: dict[str, Any] = json.loads(text)
    return data


def static(page: str) -> str:
    """Without styles and the live part."""
    return re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
