"""The checks of the data look at what a load of one day left."""

import pytest
from conftest import DAY


@pytest.fixture(autouse=True)
def loaded(request: pytest.FixtureRequest) -> None:
    if request.node.name != "Trip Quality":
        return
    run_notebook, landed = request.getfixturevalue("run_notebook"), request.getfixturevalue("landed")
    run_notebook("Load Trips", day=DAY, files=landed)
    run_notebook("Load Zones")
    run_notebook("Clean Trips", day=DAY)
    run_notebook("Daily Revenue")
