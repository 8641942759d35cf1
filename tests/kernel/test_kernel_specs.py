"""Where the kernel specs are: in a checkout, after pip has installed the wheel, and after `pip install --target`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fabric_livy_magic.kernel.install import kernel_specs
from tests.support.rooms import PACKAGE, ROOT

KERNELS = Path("share") / "jupyter" / "kernels"
NAMES = ["fabric-livy", "fabric-livy-scala", "fabric-livy-sql", "synapse_pyspark"]


def installed(site_packages: Path, kernels: Path, recorded_at: str) -> list[Path]:
    """What `kernel_specs` gives for a distribution in `site_packages` whose kernel specs are in `kernels`. Its RECORD has them
    below the relative path `recorded_at`."""
    shutil.copytree(PACKAGE, site_packages / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "kernelspec", kernels)
    metadata = site_packages / "fabric_livy_magic-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fabric-livy-magic\nVersion: 1\n", encoding="utf-8")
    record = [f"{recorded_at}/{file.relative_to(kernels).as_posix()},," for file in kernels.rglob("*.*")]
    record.append("fabric_livy_magic/__init__.py,,")
    (metadata / "RECORD").write_text("\n".join(record) + "\n", encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from fabric_livy_magic.kernel.install import kernel_specs\nprint(*kernel_specs(), sep='\\n')",
        ],
        cwd=site_packages.parent,
        env={**os.environ, "PYTHONPATH": str(site_packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line).resolve() for line in done.stdout.splitlines()]


def test_a_checkout_has_its_own() -> None:
    assert kernel_specs() == [ROOT / "kernelspec" / name for name in NAMES]


def test_a_wheel_s_are_where_its_record_says(tmp_path: Path) -> None:
    kernels = tmp_path / KERNELS
    found = installed(tmp_path / "lib" / "site-packages", kernels, "../../share/jupyter/kernels")
    assert found == [kernels / name for name in NAMES]


@pytest.mark.parametrize("recorded_at", ["../../share/jupyter/kernels", "nowhere"])
def test_those_in_a_target_folder_are_found_though_the_record_has_another_place(
    tmp_path: Path, recorded_at: str
) -> None:
    kernels = tmp_path / "target" / KERNELS
    assert installed(tmp_path / "target", kernels, recorded_at) == [kernels / name for name in NAMES]


def test_installing_writes_the_whole_path_and_leaves_another_program_s_kernel_alone(tmp_path: Path) -> None:
    """VS Code shows `/python` beside a kernel of another language than Python whose spec says `python`."""
    kernels = tmp_path / KERNELS
    theirs = kernels / "synapse_pyspark" / "kernel.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"argv": ["python", "-m", "somebody_else", "{connection_file}"]}', encoding="utf-8")
    command = [sys.executable, "-m", "fabric_livy_magic", "kernel", "install", "--prefix", str(tmp_path)]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"Left alone {theirs.parent}: it is another program's kernel" in first
    assert "somebody_else" in theirs.read_text(encoding="utf-8")
    specs = {name: json.loads((kernels / name / "kernel.json").read_text(encoding="utf-8")) for name in NAMES[:3]}
    assert {spec["argv"][0] for spec in specs.values()} == {sys.executable}
    theirs.unlink()
    second = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert second.count("Installed") == len(NAMES)
    assert "fabric_livy_magic" in theirs.read_text(encoding="utf-8")
    third = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert third == {"installed": [str(kernels / name) for name in NAMES], "left_alone": []}
