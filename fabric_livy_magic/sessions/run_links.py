"""Where Fabric's portal shows what a session runs: its page in the Monitoring hub."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from fabric_livy_magic.clouds import is_fabric_address
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.targets import ids_in_url


def run_link(livy_url: str, session_id: str) -> str:
    """Empty for a server that is none of Fabric's, the embedded one among them: it has no page."""
    if not is_fabric_address(livy_url):
        return ""
    try:
        _, lakehouse_id = ids_in_url(livy_url)
    except SettingsError:
        return ""
    host = urlsplit(livy_url).netloc.replace("api.", "app.", 1)
    return f"https://{host}/workloads/de-ds/sparkmonitor/{quote(lakehouse_id, safe='')}/{quote(session_id, safe='')}"
