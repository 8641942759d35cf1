"""Run by an inner pytest as test_good_notebooks.py: see tests/testing/test_plugin.py."""

import pandas as pd
import pytest

TRIPS = pd.DataFrame({"a": [1, 2], "b": ["x", None]})


def test_a_notebook_gets_tables_files_and_parameters(run_notebook, tmp_path):
    file = tmp_path / "trips.csv"
    file.write_text("a\n1\n2\n3\n")
    result = run_notebook("Load", rows=7, tables={"raw.trips": TRIPS}, files={"in/trips.csv": file})
    assert result.exit_value == "2"
    assert sorted(result.tables["numbers"].n) == list(range(7))
    assert result.tables["raw.trips"].b.isna().sum() == 1
    assert list(result.tables) == ["dbo.numbers", "raw.trips"]
    assert "raw.trips" in result.tables
    assert [cell.state for cell in result.cells] == ["passed"] * 4
    assert [cell.number for cell in result.cells] == [1, 2, 3, 4]
    assert [cell.text.strip() for cell in result.cells[1:3]] == ["written 7", "3"]
    assert result.shares_spark
    assert 0 < sum(cell.seconds for cell in result.cells) <= result.duration_s


def test_lakehouses_of_the_repository_are_those_of_the_test(run_notebook, spark_session, lakehouse):
    spark_session.run("spark.range(4).withColumnRenamed('id', 'n').write.saveAsTable('Bronze.dbo.numbers')")
    result = run_notebook("Clean")
    assert sorted(result.tables["clean"].n) == [1, 2, 3]
    assert list(result.tables) == ["dbo.clean"]
    assert spark_session.sql("SELECT count(*) AS c FROM Silver.dbo.clean").c[0] == 3
    assert (lakehouse.folder_of("Silver") / "Tables" / "dbo" / "clean").is_dir()


def test_the_next_test_has_nothing_of_them(spark_session, lakehouse):
    for name in ("Bronze", "Silver"):
        assert spark_session.sql(f"SHOW TABLES IN {name}.dbo").empty
    assert list(lakehouse.files.iterdir()) == []
    assert spark_session.run("'here' in globals()").text == "False"


def test_a_broken_notebook(run_notebook):
    run_notebook("Broken")


def test_a_session_of_its_own(run_notebook):
    result = run_notebook("Own session")
    assert (result.exit_value, result.shares_spark) == ("600m", False)


@pytest.mark.parametrize("rows", [2, 3])
def test_same_names(run_notebook, rows):
    assert len(run_notebook("Writes trips", rows=rows).tables["trips"]) == rows


def test_one_start_of_spark(fabric, lakehouse):
    assert fabric.spark_starts == 1
