"""What the tests of the medallion share, those in Python and the notebooks in checks."""

from pathlib import Path

import pytest

DATA = Path(__file__).parent / "tests" / "data"


@pytest.fixture
def day() -> str:
    return "2024-01-31"


@pytest.fixture
def landed(day: str) -> dict[str, Path]:
    """The files of one day, by their place in Bronze."""
    return {f"landing/trips-{day}.csv": DATA / f"trips-{day}.csv", "reference/zones.csv": DATA / "zones.csv"}


@pytest.fixture(autouse=True)
def loaded(request: pytest.FixtureRequest) -> None:
    """The check of the data looks at what a load of one day left."""
    if request.node.name != "Trip Quality":
        return
    run_notebook, day, landed = map(request.getfixturevalue, ("run_notebook", "day", "landed"))
    run_notebook("Load Trips", day=day, files=landed)
    run_notebook("Load Zones")
    run_notebook("Clean Trips", day=day)
    run_notebook("Daily Revenue")
