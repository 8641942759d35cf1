"""`fabric-livy upload --table`: a table of a file, by a session of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fabric_livy_magic.cli.main import main
from tests.support import service

pytestmark = pytest.mark.spark


def test_a_csv_file_becomes_a_table_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
    monkeypatch.chdir(tmp_path)
    Path("trips.csv").write_text('id,note\n1,"two\nlines, and ""quotes"""\n2,\n', encoding="utf-8")
    lake = tmp_path / "lake"
    with service.serving(lake, ("--token", service.TOKEN, "--share-spark")) as api:
        assert main(["upload", "trips.csv", "--target", api.base, "--table", "dbo.trips"]) == 0
        shown = capsys.readouterr().out
        assert shown == "dbo.trips: 2 rows (id int, note string), a table made of trips.csv, types inferred by Spark\n"
        assert main(["upload", "trips.csv", "--target", api.base, "--table", "dbo.trips", "--append", "--json"]) == 0
        columns = [["id", "int"], ["note", "string"]]
        assert json.loads(capsys.readouterr().out) == {
            "name": "dbo.trips",
            "rows": 4,
            "new_rows": 2,
            "columns": columns,
        }
        assert main(["upload", "trips.csv", "--target", api.base, "--json"]) == 0
        copied = json.loads(capsys.readouterr().out)
        assert (copied.pop("duration_s") >= 0, copied) == (True, {"files": 1, "size_bytes": 41, "to": "Files/"})
        again = ["upload", "trips.csv", "--target", api.base, "--overwrite", "--json"]
        assert main(again) == 0
        assert main(["files", "cp", "trips.csv", "Files/other.csv", "--target", api.base, "--json"]) == 0
        capsys.readouterr()
        told = []
        for words in (
            ["mkdir", "Files/a/b"],
            ["mv", "Files/other.csv", "Files/a/b/"],
            ["rm", "Files/trips.csv", "Files/a", "-r"],
        ):
            assert main(["files", *words, "--target", api.base, "--json"]) == 0
            told.append(json.loads(capsys.readouterr().out))
        assert told == [
            {"made": ["Files/a/b"]},
            [{"source": "Files/other.csv", "target": "Files/a/b/other.csv"}],
            {"removed": ["Files/trips.csv", "Files/a"]},
        ]
        assert main(["files", "ls", "--target", api.base, "-r"]) == 0
        assert capsys.readouterr().out == "Nothing is in Files.\n"
        assert (lake / "Tables" / "dbo" / "trips").is_dir()


def test_options_that_do_not_go_together_and_files_of_no_kind_start_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", "local")
    assert main(["upload", "trips.csv", "--table", "trips", "--append", "--overwrite"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert main(["upload", "trips.xlsx", "--table", "trips"]) == 2
    assert "a file that ends in .parquet, .csv, .json" in capsys.readouterr().err
