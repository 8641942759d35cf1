"""A kernel replies to everything that a front end asks, whatever is wrong: without a reply the front end waits for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kernels import Kernel, kernel

MISTAKES = {
    "a merge": ('<<<<<<< HEAD\ntarget = "local"\n=======\n>>>>>>> other\n', "line 1: the marks of an unfinished merge"),
    "no TOML": ("target = \n", "Invalid value (at line 1, column 10)"),
    "an unknown name": ('colour = "red"\n', "There is no setting 'colour' ("),
    "an unknown language": ('language = "perl"\n', "is one of pyspark, sql, spark, sparkr, not 'perl'"),
    "a list": ("rows_shown = [1]\n", "is a number, not [1]"),
    "profiles": ("[profiles]\nx = 1\n", "each profile is a table"),
}


def asks_all(running: Kernel, code: str) -> None:
    running.client.complete(code, reply=True, timeout=10)
    running.client.inspect(code, 3, reply=True, timeout=10)
    running.client.is_complete(code)
    running.client.kernel_info(reply=True, timeout=10)


@pytest.mark.parametrize("spec", ["fabric-livy", "fabric-livy-sql", "fabric-livy-scala", "python3"])
def test_with_any_mistake_in_the_settings_a_kernel_starts_and_its_first_cell_says_what_and_where(
    tmp_path: Path, spec: str
) -> None:
    file = tmp_path / "config" / "fabric-livy-magic" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(MISTAKES["a merge"][0], encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path), "APPDATA": str(tmp_path / "config")}
    with kernel(environ, tmp_path, spec=spec) as running:
        if spec == "python3":
            assert running.run("%load_ext fabric_livy_magic").status == "ok"
        cell = "%%livy_sql\nSELECT 1" if spec == "python3" else "SELECT 1"
        for content, message in MISTAKES.values():
            file.write_text(content, encoding="utf-8")
            done = running.run(cell, 20)
            assert (done.status, done.ename) == ("error", "SettingsError")
            assert message in done.evalue
            assert str(file) in done.evalue
            assert len(done.traceback.splitlines()) <= 4, done.traceback
            asks_all(running, "%livy st")
            asks_all(running, cell)
        file.write_text("", encoding="utf-8")  # mended: nothing has to be restarted
        assert "No target was chosen" in running.run(cell, 20).evalue


def test_a_usage_error_before_any_other_error_has_its_reply_in_each_place(tmp_path: Path) -> None:
    with kernel({}, tmp_path, spec="fabric-livy") as running:
        for cell in (
            "%livy help\n%store data",
            "%store data",
            "%%time\n%store data",
            "%%nosuch\nx",
            "%livy help\n%nosuch",
        ):
            assert running.run(cell, 20).status == "error", cell
            assert running.run("%%local\n1 + 1", 20).text == "2"
        failed = running.run("%livy help\n%nosuch", 20)
        assert "UsageError" in failed.printed
        assert failed.traceback == ""
