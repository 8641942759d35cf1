"""`fabric-livy pull` and `fabric-livy seed` as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.cli.main import main
from tests.support import service
from tests.support.commands import fabric_livy

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pull", "t", "--rows", "0"], "--rows is a number above 0."),
        (["pull", "t", "--mask", "a..b"], "'a..b' is no name"),
        (["pull", "a..b"], "'a..b' is no name of a table"),
        (
            ["seed", "nothing"],
            "nothing has no sample of a table: `fabric-livy pull TABLE --to nothing` puts one there.",
        ),
    ],
)
def test_a_mistake_is_told_before_a_session_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--target", "https://nobody.example/livy"]) > 0
    assert says in capsys.readouterr().err


@pytest.mark.spark
def test_a_table_is_pulled_and_seeded_elsewhere(tmp_path: Path) -> None:
    """Into the same lakehouse, under the name that the sample has."""
    (tmp_path / "make.sql").write_text(
        "CREATE TABLE riders AS SELECT id, concat('Ann', id) AS name, concat(id, '@x.com') AS email, 'x' AS note FROM range(5)"
    )
    with service.serving(tmp_path / "house") as api:
        target = ["--target", api.base]
        signed = {"FABRIC_LIVY_TOKEN": service.TOKEN, "FABRIC_LIVY_HASH_SALT": "of the tests"}
        assert fabric_livy("run", "make.sql", *target, folder=tmp_path, **signed).returncode == 0
        hide = ["--mask", "note", "--mask-shape", "email", "--hash", "name", "--where", "id > 0"]
        done = fabric_livy("pull", "riders", "--rows", "3", *hide, "--to", "data", *target, folder=tmp_path, **signed)
        assert done.stdout.splitlines()[-1] == (
            f"riders: 3 of 4 rows, 4 columns; null: note; shape only: email; hashed: name → {Path('data') / 'riders'}"
        ), done.stderr
        done = fabric_livy("seed", "data", *target, folder=tmp_path, **signed)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            2,
            "fabric-livy: riders is there already, and nothing was changed. --overwrite replaces it with all rows.",
        )
        done = fabric_livy("seed", "data", "--overwrite", *target, folder=tmp_path, **signed)
        assert done.stdout.splitlines()[-1] == "riders: replaced, 3 rows", done.stderr
