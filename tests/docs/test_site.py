"""The site of docs/: it is built without a warning, so that each link and anchor leads somewhere, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.rooms import ROOT
from tests.support.site_links import rewritten


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_is_built_without_a_warning(site: Path) -> None:
    assert "tutorial" in (site / "index.html").read_text(encoding="utf-8")
    assert len(list(site.rglob("index.html"))) >= len(list((ROOT / "docs").rglob("*.md")))


def test_a_page_of_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link)[^>]+(?:src|href)=\"(https?:[^\"]+)\"", page.read_text(encoding="utf-8")
        )
        assert loaded == [], page


def test_what_is_marked_as_not_run_is_not_seen(site: Path) -> None:
    assert "not run:" not in re.sub(r"<!--.*?-->", "", (site / "tutorial" / "index.html").read_text(encoding="utf-8"))


def test_a_table_and_a_list_are_drawn_as_such(site: Path) -> None:
    """Markdown of a site is stricter than that of a repository's page: what it does not take stands as text."""
    for page in site.rglob("index.html"):
        text = re.sub(r"<pre>.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"^<p>(\||.*\n\|[ -])", text, re.MULTILINE), page
        assert not re.search(r"^(- |\d\. |```)", text, re.MULTILINE), page


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("", "see the license"),
        ("https://host/owner/name/", "see [the license](https://host/owner/name/blob/main/LICENSE#top)"),
    ],
)
def test_a_link_out_of_docs_leads_to_the_repository_where_one_is_named(repository: str, expected: str) -> None:
    docs = ROOT / "docs"
    assert rewritten("see [the license](../LICENSE#top)", docs, docs, repository) == expected


def test_a_link_out_of_docs_to_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    docs = ROOT / "docs"
    rewritten("[x](../../no/such/file)", docs / "reference", docs, "")
    assert "no/such/file, which is not there" in caplog.text
