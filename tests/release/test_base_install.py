"""The base install: what it brings, and that it runs cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release.first_cells import run_first_cells
from tests.support.environments import PYTHONS, CleanEnvironment, resolved, uv
from tests.support.fakes import FakeFabric

pytestmark = pytest.mark.release

# Besides this package. On macOS IPython brings one more, appnope.
MOST_PACKAGES = {"linux": 55, "windows": 55, "macos": 56}


@pytest.mark.parametrize("platform", MOST_PACKAGES)
@pytest.mark.parametrize("version", PYTHONS)
def test_it_brings_few_packages_and_each_system_has_wheels_of_them(version: str, platform: str) -> None:
    """Nothing is to be compiled, of the newest versions nor of the oldest."""
    newest = resolved(version, "--only-binary=:all:", "--python-platform", platform)
    assert len(newest) <= MOST_PACKAGES[platform], sorted(newest)
    oldest = resolved(version, "--only-binary=:all:", "--python-platform", platform, "--resolution", "lowest-direct")
    assert oldest["pandas"] < newest["pandas"]


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
