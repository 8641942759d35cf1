"""Where Fabric's portal shows what a session runs: its page in the Monitoring hub."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from fabric_livy_magic.clouds import is_fabric_address

_LAKEHOUSE = re.compile(r"/lakehouses/([^/]+)", re.IGNORECASE)


def run_link(livy_url: str, session_id: str) -> str:
    """Empty for a server that is none of Fabric's, the embedded one among them: it has no page."""
    lakehouse = _LAKEHOUSE.search(livy_url)
    if not lakehouse or not is_fabric_address(livy_url):
        return ""
    host = urlsplit(livy_url).netloc.replace("api.", "app.", 1)
    return f"https://{host}/workloads/de-ds/sparkmonitor/{lakehouse[1]}/{quote(session_id, safe='')}"
