"""The page of a session in Fabric's Monitoring hub."""

from __future__ import annotations

import pytest

from fabric_livy_magic.sessions.run_links import run_link

LIVY = "/v1/workspaces/w/lakehouses/1b2c/livyapi/versions/2023-12-01"


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (
            f"https://api.fabric.microsoft.com{LIVY}",
            "https://app.fabric.microsoft.com/workloads/de-ds/sparkmonitor/1b2c/7%2Fx",
        ),
        (
            f"https://api.fabric.microsoft.us{LIVY}",
            "https://app.fabric.microsoft.us/workloads/de-ds/sparkmonitor/1b2c/7%2Fx",
        ),
        (f"http://127.0.0.1:8998{LIVY}", ""),
        (f"https://gateway.example{LIVY}", ""),
        ("https://api.fabric.microsoft.com/v1", ""),
        ("http://livy:8998", ""),
    ],
)
def test_a_session_of_fabrics_own_hosts_has_a_page_and_no_other(url: str, link: str) -> None:
    assert run_link(url, "7/x") == link
