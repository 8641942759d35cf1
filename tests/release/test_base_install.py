"""The base install: what it brings, and that it runs cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release.first_cells import run_first_cells
from tests.support.environments import MOST_PACKAGES, PYTHONS, CleanEnvironment, resolved, uv
from tests.support.fakes import FakeFabric

pytestmark = pytest.mark.release


def test_it_brings_few_packages() -> None:
    found = resolved(PYTHONS[0], "--only-binary=:all:")
    assert len(found) <= MOST_PACKAGES["linux"], sorted(found)


def test_the_wheel_alone_runs_cells_and_says_what_the_demo_needs(
    wheel: Path, environment: Callable[..., CleanEnvironment], folder: Path, fabric: FakeFabric
) -> None:
    one = environment(str(wheel))
    uv("pip", "check", "--python", str(one.python))
    run_first_cells(one, folder, fabric)
    assert one.run("fabric-livy", "--version", folder=folder).startswith("fabric-livy-magic ")
    assert "fabric-livy-sql" in one.run("jupyter", "kernelspec", "list", folder=folder)
    demo = one.try_to_run("fabric-livy", "demo", folder=folder)
    assert demo.returncode != 0
    assert "fabric-livy-magic[local]" in demo.stdout + demo.stderr
