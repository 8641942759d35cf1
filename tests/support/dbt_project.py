"""dbt with Microsoft's adapter, in an environment of its own above this one, and its commands on a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Not in the extra `test`: dbt-core 1.10 wants a pathspec without which no new mypy starts, and would have all other tests run
# with an old python-dateutil. 1.12, the newest, needs a part that has no wheels for each machine.
REQUIREMENTS = ("dbt-core>=1.10,<1.11", "dbt-fabricspark>=1.13.10,<1.14")
COMMANDS = Path(__file__).with_name("dbt_commands.py")
ROOT = Path(__file__).parents[2]


def install(folder: Path, *requirements: str) -> Path:
    """Its Python. What this environment has is not installed again."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    where = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (where / "below.pth").write_text("\n".join([sysconfig.get_path("purelib"), str(ROOT)]))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*pip, *(requirements or REQUIREMENTS)], check=True, timeout=300)
    return python


@dataclass
class Project:
    """A dbt project in a folder that it may write into."""

    python: Path
    folder: Path
    server: str
    ca_bundle: str
    state: Path

    def run(self, *commands: str) -> list[dict[str, Any]]:
        """The reports of the commands (dbt_commands.py)."""
        results = self.folder / "results.jsonl"
        environ = {
            **os.environ,
            "REQUESTS_CA_BUNDLE": self.ca_bundle,
            "TAXI_SERVER": self.server,
            "XDG_STATE_HOME": str(self.state),
            "DBT_PROFILES_DIR": str(self.folder),
        }
        done = subprocess.run(
            [self.python, "-P", COMMANDS, results, *commands],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        reports = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        assert all(one["success"] for one in reports), done.stdout
        return reports
