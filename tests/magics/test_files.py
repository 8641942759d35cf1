"""`%livy files` and `fabric-livy files` on the embedded Fabric's OneLake, without a session."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.cells.file_options import VERBS, file_parser
from fabric_livy_magic.cli.main import main
from fabric_livy_magic.completion.complete import complete
from fabric_livy_magic.magics.magics import of
from tests.support import service
from tests.support.notebook import Notebook
from tests.support.options import spellings
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark  # needs the `local` extra

ODD = "ä b#c%20?.txt"
WORKSPACES = {
    "workspaces": [
        {
            "name": "Sales",
            "lakehouses": [{"name": "Bronze", "folder": "bronze"}, {"name": "Gold", "folder": "gold"}],
        }
    ]
}
REFUSED = '[[requests]]\npath = "/onelake/**"\nstatus = 403\nerror_code = "AuthorizationPermissionMismatch"\n'


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes")


@pytest.fixture(scope="module")
def served(lakes: Path) -> Iterator[Api]:
    file = lakes / "workspaces.json"
    file.write_text(json.dumps(WORKSPACES), encoding="utf-8")
    with service.serving(None, ("--workspaces", str(file), "--token", TOKEN)) as running:
        yield running


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Api) -> Path:
    """The working folder, with a few files; the target is the first lakehouse, whose files it also gives."""
    folder = tmp_path / "work"
    (folder / "raw" / "below" / "empty").mkdir(parents=True)
    (folder / "raw" / "a.txt").write_text("".join(f"line {n}\n" for n in range(100)), encoding="utf-8")
    (folder / "raw" / "below" / ODD).write_bytes(b"odd")
    (folder / "nothing").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", TOKEN)
    monkeypatch.setenv("FABRIC_LIVY_TARGET", served.base)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


@pytest.fixture
def here(work: Path, lakes: Path) -> Iterator[Path]:
    """The folder of the lakehouse, emptied."""
    yield lakes / "bronze"
    assert not list(lakes.rglob("*.part"))
    for area in ("Files", "Tables"):
        shutil.rmtree(lakes / "bronze" / area, ignore_errors=True)


def names(shown: list[dict[str, object]]) -> list[object]:
    return [one["name"] for one in shown]


# ------------------------------------------------------------------------------------------------ notebook
def test_folders_go_up_and_down_and_are_listed(bare: Notebook, here: Path, work: Path) -> None:
    assert "Nothing is in Files." in bare.ok("%livy files ls").text
    assert "Copied 2 files" in bare.ok("%livy files cp -r raw Files/").text
    assert (here / "Files" / "raw" / "below" / ODD).read_bytes() == b"odd"
    assert (here / "Files" / "raw" / "below" / "empty").is_dir()
    assert names(bare.ok("%livy files ls --json").value) == ["raw/"]
    listed = bare.ok("%livy files ls Files/raw --recursive --json").value
    assert names(listed) == ["a.txt", "below/", "below/empty/", f"below/{ODD}"]
    assert listed[0] == {**listed[0], "path": "Files/raw/a.txt", "kind": "file", "size_bytes": 790}
    shown = bare.ok("%livy files ls Files/raw -r")
    assert "790 B" in shown.text
    assert "<table" in shown.html
    bare.ok("%livy files cp --recursive Files/raw back")
    assert (work / "back" / "below" / ODD).read_bytes() == b"odd"
    assert (work / "back" / "below" / "empty").is_dir()
    sizes = bare.ok("%livy files du --json").value
    assert sizes == [{"name": "raw/", "path": "Files/raw", "files": 2, "size_bytes": 793}]
    assert "2 files, 793 B in Files" in bare.ok("%livy files du").text


def test_a_copy_of_a_folder_replaces_nothing_and_copies_nothing_where_a_file_is_there(
    bare: Notebook, here: Path
) -> None:
    bare.ok("%livy files cp raw/a.txt Files/raw/a.txt")
    (here / "Files" / "raw" / "a.txt").write_text("kept")
    assert "Files/raw/a.txt exists already. `--force` replaces" in bare.fails("%livy files cp -r raw Files/raw")
    assert not (here / "Files" / "raw" / "below").exists()
    assert (here / "Files" / "raw" / "a.txt").read_text() == "kept"
    bare.ok("%livy files cp -r --force raw Files/raw")
    assert (here / "Files" / "raw" / "a.txt").read_text() != "kept"
    bare.ok("%livy files cp -f -r raw Files/raw")
    assert {one.name for one in (here / "Files" / "raw").iterdir()} == {"a.txt", "below"}


def test_what_is_in_a_folder_completes_a_path(bare: Notebook, here: Path) -> None:
    bare.ok("%livy files cp -r raw Files/")
    line = "%livy files head Files/raw/"
    found = complete(of(bare.shell).notebook.runner, line, len(line), None)
    assert found is not None
    assert [text for text, _ in found.matches] == ["Files/raw/a.txt", "Files/raw/below/"]


def test_text_is_shown_and_other_files_are_not(bare: Notebook, here: Path, work: Path) -> None:
    (work / "binary").write_bytes(b"PK\0\x01")
    (work / "long.txt").write_text("x" * 2**20 + "\x1b]0;title\x07 the end")
    bare.ok("%livy files cp raw/a.txt binary long.txt nothing Files")
    assert bare.ok("%livy files head Files/a.txt -n 2").text.split() == ["line", "0", "line", "1"]
    assert len(bare.ok("%livy files head Files/a.txt --lines 3").text.splitlines()) == 3
    assert len(bare.ok("%livy files head Files/a.txt").text.splitlines()) == 10
    assert bare.ok("%livy files cat Files/a.txt").text.rstrip().endswith("line 99")
    long = bare.ok("%livy files cat Files/long.txt").text
    assert "more. `%livy files cp Files/long.txt .` copies the file here." in long
    assert "the end" not in long
    assert bare.ok("%livy files cat Files/nothing").text.strip() == ""
    bare.ok("%livy files cp binary 'Files/a b'")
    assert "is no text. `files cp 'Files/a b' .` copies it" in bare.fails("%livy files cat 'Files/a b'")
    assert "is a folder" in bare.fails("%livy files cat Files")


def test_files_are_moved_made_and_removed(bare: Notebook, here: Path) -> None:
    bare.ok(f"%livy files cp raw/a.txt 'raw/below/{ODD}' Files/")
    bare.ok("%livy files mkdir Files/to/here Files/other")
    assert "Moved Files/a.txt to Files/to/here/a.txt" in bare.ok("%livy files mv Files/a.txt Files/to/here").text
    assert "Moved" in bare.ok(f"%livy files mv 'Files/{ODD}' Files/a.txt").text
    assert "exists already" in bare.fails("%livy files mv Files/a.txt Files/to/here/a.txt")
    bare.ok("%livy files mv --force Files/a.txt Files/to/here/a.txt")
    assert (here / "Files" / "to" / "here" / "a.txt").read_bytes() == b"odd"
    bare.ok("%livy files mv -f Files/to Files/moved")
    assert "something in it" in bare.fails("%livy files rm Files/moved")
    assert "Removed Files/moved, Files/other" in bare.ok("%livy files rm --recursive Files/moved Files/other").text
    assert "Fabric's own folder" in bare.fails("%livy files rm -r Files")


def test_another_lakehouse_is_named_before_the_path(bare: Notebook, here: Path, lakes: Path) -> None:
    bare.ok("%livy files cp -r raw Sales/Gold:Files/raw")
    assert (lakes / "gold" / "Files" / "raw" / "a.txt").exists()
    bare.ok("%livy files cp -r Sales/Gold:Files/raw Files/copy")
    assert (here / "Files" / "copy" / "below" / ODD).read_bytes() == b"odd"
    assert "cp -r` copies to another one" in bare.fails("%livy files mv Sales/Gold:Files/raw Files/x")
    bare.ok("%livy files rm -r Sales/Gold:Files/raw")
    assert "no lakehouse" in bare.fails("%livy files ls Sales/Nowhere:Files")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ls Files/nowhere", "There is no Files/nowhere in OneLake"),
        ("ls files/x", "'Files/x' may be meant"),
        ("cat ../secret", "leads anywhere but down"),
        ("cp missing.txt Files/", "There is no file missing.txt on this machine"),
        ("cp raw Files/", "raw is a folder; `-r` copies one"),
        ("cp raw/a.txt other", "are on this machine"),
        ("cp Files/nowhere .", "There is no Files/nowhere"),
        ("mv raw/a.txt Files/", "is a path of this machine"),
        ("list", "There is no `%livy files list`"),
        ("head Files/x -n 0", "a number above 0"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(bare: Notebook, here: Path, line: str, message: str) -> None:
    assert message in bare.fails(f"%livy files {line}")


def test_a_refused_storage_token_says_what_it_takes_while_the_api_goes_on(
    bare: Notebook, work: Path, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text(REFUSED, encoding="utf-8")
    with service.serving(tmp_path / "lake", ("--token", TOKEN, "--faults", str(faults))) as api:
        bare.ok(f"%livy use {api.base}")
        assert "user_impersonation of Azure Storage" in bare.fails("%livy files ls")
        assert "local" in bare.ok("%livy workspaces").text


def test_a_livy_server_has_no_files(bare: Notebook) -> None:
    bare.ok("%livy use http://localhost:8998")
    assert "is a Livy server without OneLake" in bare.fails("%livy files ls")


def test_help_says_what_there_is(bare: Notebook) -> None:
    text = bare.ok("%livy files").text
    assert all(f"%livy files {verb}" in text for verb in VERBS)
    assert "every other path is one of this machine" in bare.ok("%livy files cp --help").text
    assert bare.ok("%livy help files").text


def test_upload_without_a_table_is_a_copy(bare: Notebook, here: Path) -> None:
    assert "Copied 1 file" in bare.ok("%livy upload raw/a.txt").text
    assert "exists already" in bare.fails("%livy upload raw/a.txt")
    bare.ok("%livy upload raw/a.txt --overwrite")
    assert "--append is for a table" in bare.fails("%livy upload raw/a.txt --append")
    assert "give one of them" in bare.fails("%livy upload raw/a.txt --table t --append --overwrite")
    bare.names["df"] = {}
    assert "`--table NAME` makes a table of it" in bare.fails("%livy upload df")


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_subcommand_is_used_above(verb: str) -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if f"%livy files {verb} " in line]
    for _, written in spellings(file_parser(verb)):
        assert all(any(f" {word} " in line.replace('"', " ") for line in lines) for word in written), written


# ------------------------------------------------------------------------------------------------ terminal
def test_the_command_line_does_the_same(
    work: Path, here: Path, served: Api, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        shown = capsysbinary.readouterr()
        return code, shown.out.decode(), shown.err.decode()

    assert run("files", "cp", "-r", "raw", "Files/", "--target", served.base)[:2] == (
        0,
        "Copied 2 files (793 B) to Files/\n",
    )
    code, text, _ = run("files", "ls", "-r", "--json")
    assert (code, names(json.loads(text))) == (
        0,
        ["raw/", "raw/a.txt", "raw/below/", "raw/below/empty/", f"raw/below/{ODD}"],
    )
    assert "raw/" in run("files", "ls")[1]
    assert json.loads(run("files", "du", "--json")[1])[0]["files"] == 2
    assert "2 files" in run("files", "du")[1]
    assert run("files", "head", "Files/raw/a.txt", "-n", "1")[1] == "line 0\n"
    assert run("files", "cat", f"Files/raw/below/{ODD}")[1] == "odd"
    assert run("files", "mkdir", "Files/new")[0] == 0
    assert "Moved Files/raw to Files/new/raw" in run("files", "mv", "Files/raw", "Files/new/")[1]
    assert run("files", "cp", "-f", "Files/new/raw/a.txt", "raw/a.txt")[0] == 0
    assert run("upload", "nothing")[1].startswith("Copied 1 file")
    assert "exists already" in run("upload", "nothing")[2]
    code, _, error = run("files", "rm", "Files/nowhere")
    assert (code, error) == (1, "fabric-livy: There is no Files/nowhere in OneLake.\n")
    code, _, error = run("files", "cp", "missing", "Files/")
    assert (code, error) == (2, "fabric-livy: There is no file missing on this machine.\n")
    assert run("files", "rm", "-r", "Files/new")[1] == "Removed Files/new\n"
