"""The prompt of a device sign-in in a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.output.account import show_device_prompt
from fabric_livy_magic.signin.entra.sign_in import DevicePrompt
from tests.support.notebook import notebook


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://microsoft.com/devicelogin", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("http://microsoft.com/devicelogin", False),
        ("https:///devicelogin", False),
        ("https://[", False),
        ("java\nscript:alert(1)", False),
        (" https://x", False),
        ("https://microsoft.com/\u202e", False),
    ],
)
def test_only_an_https_address_becomes_a_link(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, url: str, is_link: bool
) -> None:
    """A server names it, and a click would follow it."""
    with notebook(capsys, tmp_path) as nb:
        show_device_prompt(DevicePrompt("<b>CODE", url, "", 0.0))
        (output,) = nb.shell.display_pub.outputs
    assert ("<a href" in output["data"]["text/html"]) == is_link
    assert "&lt;b&gt;CODE" in output["data"]["text/html"]
    assert output["data"]["text/plain"].startswith("To sign in, open ")
