"""A Python process with the mocks of a folder, as a session has them, without Spark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from fabric_livy_magic.local.sessions.notebook_context import PACKAGES
from fabric_livy_magic.notebooks.mocks import MockUse, read_used
from tests.support.notebookutils import facts

BEGIN = """
import notebookutils
from notebookutils import _mock_http, _mock_semantic_link, _service_modules
_service_modules.install(); _mock_http.install(); _mock_semantic_link.install()
"""


@dataclass(frozen=True)
class MockedPython:
    folder: Path

    @property
    def mocks(self) -> Path:
        return self.folder / "mocks"

    def write(self, text: str, name: str = "mocks.toml") -> Path:
        self.mocks.mkdir(exist_ok=True)
        (self.mocks / name).parent.mkdir(exist_ok=True)
        (self.mocks / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        return self.mocks / name

    def run(self, code: str, *, record: bool = False, **environ: str) -> str:
        """What it prints; where it fails, the message of the mock that is missing, else the whole traceback."""
        self.mocks.mkdir(exist_ok=True)
        context = self.folder / "context.json"
        mocks = {"folders": [str(self.mocks)], "used": str(self.folder / "used.jsonl"), "record": record}
        context.write_text(json.dumps(facts(self.folder, mocks=mocks)), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        own = {"NOTEBOOKUTILS_CONTEXT": str(context), "NOTEBOOKUTILS_MOCKS": "1", "PYTHONPATH": str(PACKAGES)}
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + textwrap.dedent(code)],
            env={**kept, **own, **environ},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        return done.stderr.partition("notebookutils._mocks.MockMissing: ")[2] or done.stderr

    def used(self) -> list[MockUse]:
        return read_used(self.folder / "used.jsonl")

    def names_used(self) -> list[str]:
        return [str(use) for use in self.used()]
