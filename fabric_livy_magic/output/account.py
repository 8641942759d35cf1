"""Who is signed in, the code of a device sign-in, what the doctor found, and the settings, as a person sees them."""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fabric_livy_magic.output.bundles import show, style
from fabric_livy_magic.output.lists import ListColumn, OwnList
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.doctor import Finding
    from fabric_livy_magic.signin.entra.sign_in import DevicePrompt
    from fabric_livy_magic.signin.identity import Identity


def identity_lines(identity: Identity) -> list[str]:
    lines = [f"Signed in as {identity.who}" + (f" (tenant {identity.tenant})" if identity.tenant else "")]
    if identity.expires_at:
        until = datetime.datetime.fromtimestamp(identity.expires_at).astimezone()
        lines.append(f"The token lasts until {until:%H:%M:%S} and is renewed by itself where the sign-in allows it.")
    if identity.scopes:
        lines.append(f"It may: {', '.join(identity.scopes)}")
    return list(map(printable, lines))


def device_prompt_text(prompt: DevicePrompt) -> str:
    return printable(f"To sign in, open {prompt.url} in any browser and enter the code {prompt.user_code}")


def show_device_prompt(prompt: DevicePrompt) -> None:
    """The code to type and where, as text to copy and as a link; an address of another scheme than https is text only."""
    url, code = html.escape(printable(prompt.url), quote=True), html.escape(printable(prompt.user_code))
    if _is_https(prompt.url):
        url = f'<a href="{url}" target="_blank" rel="noopener">{url}</a>'
    line = f"To sign in, open {url} in any browser and enter the code <code>{code}</code>"
    show({"text/html": f'{style()}<div class="flm-c">{line}</div>', "text/plain": device_prompt_text(prompt)})


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and address == printable(address)
        and not set(address) & set(" \t\n")
    )


def findings_list(findings: Sequence[Finding]) -> OwnList:
    columns = [("verdict", "verdict", "state"), ("what", "check"), ("detail", "found"), ("advice", "what to do")]
    return OwnList(tuple(ListColumn(*one) for one in columns), [asdict(finding) for finding in findings])


def settings_list(rows: Iterable[tuple[str, Any, str, str]]) -> OwnList:
    """Of `settings.explain`."""
    keys = ("name", "value", "origin", "help")
    columns = tuple(map(ListColumn, keys, ("setting", "value", "from", "what it is")))
    return OwnList(columns, [dict(zip(keys, row, strict=True)) for row in rows])
