"""`notebookutils`: paths, files, mounts, lakehouses."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local.sessions.conftest import HOME, HOST
from tests.support.notebookutils import BRONZE, GOLD, OTHER_WORKSPACE, WORKSPACE, importable


# ------------------------------------------------------------------------------------------------ paths
@pytest.mark.parametrize(
    ("path", "written", "local"),
    [
        ("Files/a.txt", f"{HOME}/Files/a.txt", "Bronze/Files/a.txt"),
        ("Files//b/", f"{HOME}/Files/b", "Bronze/Files/b"),
        (
            f"abfss://Sales@{HOST}/Bronze.Lakehouse/Files/a",
            f"abfss://Sales@{HOST}/Bronze.Lakehouse/Files/a",
            "Bronze/Files/a",
        ),
        (
            f"abfss://sales@{HOST}/silver/Tables/dbo/t",
            f"abfss://sales@{HOST}/silver/Tables/dbo/t",
            "Silver/Tables/dbo/t",
        ),
        (f"abfss://{OTHER_WORKSPACE}@{HOST}/{GOLD}", f"abfss://{OTHER_WORKSPACE}@{HOST}/{GOLD}", "Gold"),
        ("/lakehouse/default/Files/x", "file:/lakehouse/default/Files/x", "Bronze/Files/x"),
        ("file:///lakehouse/default/Files/a%20b", "file:/lakehouse/default/Files/a b", "Bronze/Files/a b"),
    ],
)
def test_a_path_leads_to_its_lakehouse_and_is_listed_in_the_form_of_the_request(
    utils: Any, tmp_path: Path, path: str, written: str, local: str
) -> None:
    from notebookutils._paths import resolve  # type: ignore[import-not-found, unused-ignore]

    assert resolve(path) == (str(tmp_path / local), written)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "A path is a text"),
        ("Files/../../etc", "'..' is no part of a path"),
        (f"abfss://Nowhere@{HOST}/Bronze/Files", "There is no workspace 'Nowhere'"),
        (f"abfss://Sales@{HOST}/Gold/Files", "There is no lakehouse 'Gold' in the workspace 'Sales'"),
        (f"abfss://Sales@{HOST}", "names no lakehouse"),
        ("abfss://c@account.dfs.core.windows.net/x", "is not OneLake"),
        ("wasbs://c@account.blob.core.windows.net/x", "no wasbs"),
        ("file:/etc/passwd", "is neither in a lakehouse nor a temporary file"),
        ("file://elsewhere/tmp/x", "'elsewhere' is another machine"),
        ("Files/a\\b", "backslashes"),
        ("synfs:/notebook/other/point", "is no mount of this session"),
    ],
)
def test_a_path_outside_every_lakehouse_is_an_error(utils: Any, path: str, message: str) -> None:
    with pytest.raises(Exception, match=message.replace("(", r"\(")) as raised:
        utils.fs.exists(path)
    assert type(raised.value).__name__ == "NoPlace"


@given(st.text(alphabet="./ab%\\:@", max_size=30))
def test_no_path_leads_out_of_the_folders(path: str) -> None:
    with importable(), pytest.MonkeyPatch.context() as patch:
        import tempfile

        from notebookutils import _context, _paths

        with tempfile.TemporaryDirectory() as text:
            from tests.support.notebookutils import facts

            patch.setattr(_context.Cache, "session_context", _context.read(facts(Path(text))))
            patch.setattr(_paths.tempfile, "gettempdir", lambda: text)
            try:
                place = _paths.resolve(path)
            except _context.NoPlace:
                return
            assert Path(os.path.realpath(place.local)).is_relative_to(os.path.realpath(text))


def test_a_link_that_leads_out_of_the_lakehouse_is_not_followed(utils: Any, tmp_path: Path) -> None:
    (tmp_path / "Bronze" / "Files" / "out").symlink_to("/etc")
    with pytest.raises(Exception, match="leads out of the lakehouse"):
        utils.fs.ls("Files/out")


# ------------------------------------------------------------------------------------------------ files
def test_what_is_put_is_listed_read_and_removed(utils: Any) -> None:
    assert utils.fs.put("Files/a/b.txt", "größe")
    [entry] = utils.fs.ls("Files/a")
    assert (entry.name, entry.path, entry.size) == ("b.txt", f"{HOME}/Files/a/b.txt", 7)
    assert (entry.isDir, entry.isFile) == (False, True)
    assert abs(entry.modifyTime / 1000 - time.time()) < 60
    assert utils.fs.append("Files/a/b.txt", "!")
    assert utils.fs.head("Files/a/b.txt") == "größe!"
    assert utils.fs.head("Files/a/b.txt", 3) == "gr"  # ö has two bytes
    assert utils.fs.rm("Files/a", True)
    assert not utils.fs.exists("Files/a")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda fs: fs.put("Files/x", "b"), FileExistsError),
        (lambda fs: fs.append("Files/y", "b"), FileNotFoundError),
        (lambda fs: fs.ls("Files/y"), FileNotFoundError),
        (lambda fs: fs.head("Files"), IsADirectoryError),
        (lambda fs: fs.rm("Files/full"), IsADirectoryError),
        (lambda fs: fs.cp("Files/full", "Files/z"), IsADirectoryError),
        (lambda fs: fs.mv("Files/x", "Files/none/z"), FileNotFoundError),
        (lambda fs: fs.mv("Files/x", "Files/full/x"), FileExistsError),
        (lambda fs: fs.rm("Files", True), RuntimeError),
        (lambda fs: fs.rm(HOME, True), RuntimeError),
        (lambda fs: fs.mv("Tables", "Files/t", True), RuntimeError),
        (lambda fs: fs.cp("Files/full", "Files/full", True), RuntimeError),
        (lambda fs: fs.cp("Files/x", "Files/x"), RuntimeError),
        (lambda fs: fs.put("Files/x", b"b", True), TypeError),
    ],
)
def test_what_would_lose_or_miss_a_file_is_an_error_and_changes_nothing(utils: Any, call: Any, error: type) -> None:
    utils.fs.put("Files/x", "a")
    utils.fs.put("Files/full/x", "c")
    with pytest.raises(error):
        call(utils.fs)
    assert [utils.fs.head("Files/x"), utils.fs.head("Files/full/x")] == ["a", "c"]


def test_files_and_folders_are_copied_and_moved_across_lakehouses(utils: Any) -> None:
    utils.fs.put("Files/a/b.txt", "1")
    gold = f"abfss://Other@{HOST}/Gold.Lakehouse/Files"
    assert utils.fs.fastcp("Files/a", gold)
    assert utils.fs.cp("Files/a/b.txt", f"{gold}/c/d.txt")
    assert utils.fs.mv("Files/a", f"{gold}/e/f", True)
    assert [entry.name for entry in utils.fs.ls(gold)] == ["a", "c", "e"]
    assert (
        utils.fs.head(f"{gold}/e/f/b.txt")
        == utils.fs.head(f"{gold}/a/b.txt")
        == utils.fs.head(f"{gold}/c/d.txt")
        == "1"
    )
    assert not utils.fs.exists("Files/a")


@given(st.binary(max_size=60), st.integers(0, 60))
def test_the_head_of_a_text_is_a_beginning_of_it(data: bytes, cut: int) -> None:
    text = data.decode("utf-8", "ignore")
    with importable():
        from notebookutils._files import whole_characters

        assert text.startswith(whole_characters(text.encode()[:cut]))


def test_a_mount_shows_a_folder_at_a_local_path(utils: Any, tmp_path: Path) -> None:
    utils.fs.put("Files/in/a.txt", "1")
    assert utils.fs.mount(source="Files/in", mountPoint="/landing", extraConfigs={"fileCacheTimeout": 1})
    local = Path(utils.fs.getMountPath("/landing"))
    assert (local / "a.txt").read_text() == "1"
    assert [entry.name for entry in utils.fs.ls(f"file://{local}")] == ["a.txt"]
    assert [entry.name for entry in utils.fs.ls("synfs:/notebook/a-session/landing")] == ["a.txt"]
    assert [(one.mountPoint, one.source, one.localPath) for one in utils.fs.mounts()] == [
        ("/landing", "Files/in", str(local))
    ]
    with pytest.raises(Exception, match="/landing is mounted already"):
        utils.fs.mount("Files", "/landing")
    assert utils.fs.unmount("/landing")
    assert not utils.fs.unmount("/landing")
    assert utils.fs.exists("Files/in/a.txt")
    assert utils.fs.mounts() == []


# ------------------------------------------------------------------------------------------------ lakehouses, context
def test_lakehouses_by_name_id_and_workspace(utils: Any) -> None:
    own = utils.lakehouse.get()
    assert (own.id, own.displayName, own.properties["abfsPath"], own.properties.abfsPath) == (
        BRONZE,
        "Bronze",
        HOME,
        HOME,
    )
    assert utils.lakehouse.get("bronze").id == utils.lakehouse.get(name=BRONZE).id == BRONZE
    assert utils.lakehouse.get("Gold", "Other").id == GOLD
    assert utils.lakehouse.getWithProperties("Silver").properties.defaultSchema == "dbo"
    assert [one.displayName for one in utils.lakehouse.list()] == ["Bronze", "Silver"]
    with pytest.raises(Exception, match="There is no lakehouse 'Gold'"):
        utils.lakehouse.get("Gold")


def test_delta_tables_of_a_lakehouse_are_listed(utils: Any, tmp_path: Path) -> None:
    (tmp_path / "Bronze" / "Tables" / "trips" / "_delta_log").mkdir(parents=True)
    (tmp_path / "Bronze" / "Tables" / "no table").mkdir()
    assert [one["name"] for one in utils.lakehouse.listTables()] == ["trips"]
    for path in ("dbo/t", "gold/x", "by_path"):
        (tmp_path / "Silver" / "Tables" / path / "_delta_log").mkdir(parents=True)
    found = [(one["schema"], one["name"], one["location"][-12:]) for one in utils.lakehouse.listTables("Silver")]
    assert found == [("dbo", "by_path", "bles/by_path"), ("dbo", "t", "Tables/dbo/t"), ("gold", "x", "ables/gold/x")]


def test_the_context_is_a_dict_with_the_keys_that_notebooks_use(utils: Any) -> None:
    context = utils.runtime.context
    assert context["currentWorkspaceId"] == WORKSPACE
    assert context["currentWorkspaceName"] == "Sales"
    assert (context["defaultLakehouseId"], context["defaultLakehouseName"]) == (BRONZE, "Bronze")
    assert context.get("currentNotebookName") is None
    assert context["activityId"] == "a-session"
    assert context["PipelineParentRunGuid"] is None
