"""What all tests begin with: the tables of one small day."""

from pathlib import Path

import pytest

DATA = Path(__file__).parent / "tests" / "data"
DAY = "2024-01-31"


@pytest.fixture
def landed() -> dict[str, Path]:
    """The files of one day, by their place in Bronze."""
    return {f"landing/trips-{DAY}.csv": DATA / f"trips-{DAY}.csv", "reference/zones.csv": DATA / "zones.csv"}
