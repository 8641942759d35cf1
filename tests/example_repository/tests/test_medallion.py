"""The medallion, notebook by notebook."""

from pathlib import Path

import pandas


def test_a_day_is_loaded_as_it_came_also_when_it_comes_again(run_notebook, day: str, landed: dict[str, Path]) -> None:
    first = run_notebook("Load Trips", day=day, files=landed)
    again = run_notebook("Load Trips", day=day)
    assert (first.exit_value, again.exit_value) == ("5", "5")


def test_a_whole_day_runs_from_its_files_to_the_revenue(run_notebook, day: str, landed: dict[str, Path]) -> None:
    result = run_notebook("Run Medallion", day=day, files=landed)
    assert result.exit_value == "5"
    assert result.tables["Gold.dbo.daily_revenue"].trips.sum() == result.tables["Silver.dbo.trips"].shape[0] > 0


def test_trips_that_cannot_be_are_kept_apart(run_notebook, day: str) -> None:
    trips = pandas.DataFrame(
        {"day": [day] * 3, "zone_id": ["1", "2", "1"], "km": ["2", "0", "1"], "fare": ["10", "9", "free"]}
    )
    zones = pandas.DataFrame({"zone_id": [1, 2], "zone": ["Harbour", "Airport"]})
    result = run_notebook("Clean Trips", tables={"Bronze.dbo.trips": trips, "Bronze.dbo.zones": zones})
    assert result.tables["trips"].zone.tolist() == ["Harbour"]
    assert len(result.tables["rejected_trips"]) == 2
    assert f"1 trips of {day}, 2 rejected" in result.text
