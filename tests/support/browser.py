"""Pages in a real Chromium, headless. Its console is read: an error in it is one of ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIGHT, DARK = "light", "dark"
SECURE, PLAIN_HTTP = "https://notebooks.example/", "http://notebooks.example/"  # the latter has no clipboard
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Result</title>
<meta name="color-scheme" content="{theme}"><style>body{{font-family:sans-serif}}</style></head><body><main>{body}</main></body></html>"""


def chromium_path() -> str:
    return next((found for name in NAMES if (found := shutil.which(name))), "")


@contextmanager
def running_chromium() -> Iterator[Any]:
    """Playwright's browser. Skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[test]'")
    if not chromium_path():
        pytest.skip("Chromium is not installed; `.ci/run` takes it from apt")
    # The sandbox needs rights that a container does not give. The pages are our own.
    with playwright.sync_playwright() as one:
        browser = one.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(
    browser: Any, body: str, *, theme: str = LIGHT, with_script: bool = True, address: str = SECURE
) -> Iterator[Any]:
    """A page with this body, in a context of its own; at its end nothing may be in the console, and no dialog may have opened."""
    context = browser.new_context(
        color_scheme=theme, java_script_enabled=with_script, viewport={"width": 1000, "height": 700}
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.set_default_timeout(10_000)

    def answer(route: Any) -> None:
        """Nothing but the page itself may be asked for."""
        if route.request.url == address:
            route.fulfill(body=PAGE.format(body=body, theme=theme), content_type="text/html; charset=utf-8")
        else:
            said.append(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", answer)
    try:
        page.goto(address)
        yield page
        assert said == []
    finally:
        context.close()


def screenshot(page: Any, name: str, part: Any = None) -> None:
    """For a person who looks: into the folder that SCREENSHOTS names, where that is set. Of the page, or of one part of it."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        path = str(Path(folder) / f"{name}.png")
        if part is None:
            page.screenshot(path=path, full_page=True)
        else:
            part.screenshot(path=path)


def serious_findings(page: Any, part: Any = None) -> list[Any]:
    """What axe-core finds in the page, or in one part of it, that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    if part is not None:
        part.evaluate("one => one.setAttribute('data-axe', '')")
    found = axe.run(page, None if part is None else "[data-axe]").response["violations"]
    if part is not None:
        part.evaluate("one => one.removeAttribute('data-axe')")
    return [one for one in found if one["impact"] in {"serious", "critical"}]
