"""The script of Microsoft's documentation, as our own page has it, word for word but for the address and the token."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import service
from tests.support.scala_words import in_this_scala
from tests.support.service import ROOT, Api

pytestmark = pytest.mark.spark

PAGE = ROOT / "docs" / "embedded_fabric.md"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Its own, as it counts sessions."""
    with service.serving(tmp_path_factory.mktemp("lake")) as running:
        yield running


def test_the_documented_script_runs_and_leaves_no_session(api: Api) -> None:
    script = re.search(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert script
    code = re.sub(r'base = "[^"]+"', f'base = "{api.base}"', script[1]).replace("TOKEN", api.ready["token"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == in_this_scala("res0: Long = 5\n\n")
    assert [one["livyState"] for one in api.get("/sessions").json()["items"]] in ([], ["dead"])
