"""How the paths of requests are resolved, and that none leads outside."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.lakehouse.onelake_files import read_path
from fabric_livy_magic.local.lakehouse.onelake_paths import (
    BadPath,
    Outside,
    is_inside,
    local_path,
    path_within,
    segments,
)
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspace, Workspaces
from fabric_livy_magic.local.sessions.dependencies import with_local_files
from fabric_livy_magic.local.spark.session_request import BatchRequest

HOST = "onelake.dfs.fabric.microsoft.com"
SALES, OTHER = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
BRONZE, GOLD = "22222222-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"


@pytest.fixture(scope="module")
def root() -> Path:
    """Not below the folder for temporary files, which requests may use."""
    return Path("/nowhere/lakes")


@pytest.fixture(scope="module")
def workspaces(root: Path) -> Workspaces:
    def lakehouse(name: str, lakehouse_id: str, workspace_id: str) -> Lakehouse:
        return Lakehouse(id=lakehouse_id, name=name, workspace_id=workspace_id, folder=root / name)

    sales = (lakehouse("Bronze é", BRONZE, SALES), lakehouse("gold", GOLD, SALES))
    of_other = (lakehouse("twin", "22222222-0000-4000-8000-000000000003", OTHER),)
    return Workspaces(
        all=(
            Workspace(id=SALES, name="Sales / EMEA", lakehouses=sales),
            Workspace(id=OTHER, name="twice", lakehouses=of_other),
            Workspace(id="11111111-0000-4000-8000-000000000003", name="Twice"),
        )
    )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"abfss://{SALES}@{HOST}/{BRONZE}/Files/x.py", "Bronze é/Files/x.py"),
        (f"abfss://{SALES.upper()}@{HOST}/{GOLD}/Tables/dbo/t", "gold/Tables/dbo/t"),
        (f"ABFSS://{SALES}@{HOST.upper()}/gold.Lakehouse/Files/x.py", "gold/Files/x.py"),
        (f"abfs://Sales%20%2F%20EMEA@{HOST}/Bronze%20%C3%A9.lakehouse/Files/a%20b.py", "Bronze é/Files/a b.py"),
        (f"abfss://{SALES}@westeurope-onelake.dfs.fabric.microsoft.com/GOLD/Files//deep/x.py", "gold/Files/deep/x.py"),
        ("Files/x.py", "Bronze é/Files/x.py"),
        ("/lakehouse/default/Files/x.py", "Bronze é/Files/x.py"),
        ("file:///lakehouse/default/Files/x.py", "Bronze é/Files/x.py"),
        ("/nowhere/lakes/gold/Files/x.py", "gold/Files/x.py"),
        ("file:/nowhere/lakes/gold/Files/a%20b.py", "gold/Files/a b.py"),
        ("file://localhost/nowhere/lakes/gold/../gold/Files/x.py", "gold/Files/x.py"),
    ],
)
def test_a_path_leads_to_the_file_it_names(workspaces: Workspaces, root: Path, path: str, found: str) -> None:
    assert local_path(path, workspaces.first_lakehouse, workspaces) == root / found


def test_temporary_files_may_be_used(workspaces: Workspaces, tmp_path: Path) -> None:
    assert local_path(f"file:{tmp_path}/x.py", workspaces.first_lakehouse, workspaces) == tmp_path / "x.py"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"abfss://nowhere@{HOST}/gold/Files/x.py", "there is no workspace 'nowhere'"),
        (f"abfss://{SALES}@{HOST}/silver/Files/x.py", "there is no lakehouse 'silver' in the workspace 'Sales / EMEA'"),
        (f"abfss://{OTHER}@{HOST}/gold/Files/x.py", "there is no lakehouse 'gold' in the workspace 'twice'"),
        (f"abfss://twice@{HOST}/twin/Files/x.py", "2 workspaces are called 'twice'; use the id"),
        (f"abfss://{SALES}@data.dfs.core.windows.net/gold/Files/x.py", "is not OneLake"),
        (f"abfss://{SALES}@{HOST}.evil.example/gold/Files/x.py", "is not OneLake"),
        (f"abfss://{HOST}/gold/Files/x.py", "is not of the form"),
        ("abfss:Files/x.py", "is not of the form"),
        (f"abfss://{SALES}@{HOST}/gold/Files/../../gold/x.py", "'..' is no part of a path"),
        (f"abfss://{SALES}@{HOST}/gold/Files/%2e%2e/x.py", "'..' is no part of a path"),
        (f"abfss://{SALES}@{HOST}/gold/Files/..%2f..%2fx.py", "'..' is no part of a path"),
        ("Files/../../x.py", "'..' is no part of a path"),
        ("/lakehouse/default/../x.py", "'..' is no part of a path"),
        ("Files\\..\\x.py", "backslashes"),
        ("Files/x\x00.py", "control characters"),
        ("Files/\ud800.py", "control characters"),
        ("file:/nowhere/lakes/gold/../../x.py", "is neither in a lakehouse nor a temporary file"),
        ("/nowhere/lakes/golden/x.py", "is neither in a lakehouse nor a temporary file"),
        ("/etc/passwd", "is neither in a lakehouse nor a temporary file"),
        ("file:x.py", "is not absolute"),
        ("file://elsewhere/x.py", "is another machine"),
        ("s3a://bucket/x.py", "not s3a"),
        ("", "a path is needed"),
        ("Files/" + "é" * 200, "255 bytes at most"),
    ],
)
def test_a_bad_path_is_refused_with_the_reason(workspaces: Workspaces, path: str, reason: str) -> None:
    with pytest.raises(BadPath) as refused:
        local_path(path, workspaces.first_lakehouse, workspaces)
    assert reason in str(refused.value)


def test_a_path_outside_is_reported_as_it_was_written(workspaces: Workspaces) -> None:
    with pytest.raises(Outside) as refused:
        local_path("file:/etc/x.py", workspaces.first_lakehouse, workspaces)
    assert refused.value.path == "/etc/x.py"


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lakehouse with links of all kinds, and a secret file next to it."""
    above = tmp_path_factory.mktemp("links")
    folder = above / "house"
    (folder / "Files" / "inner").mkdir(parents=True)
    (above / "secret").write_text("secret", encoding="utf-8")
    links = {
        "out": "../../secret", "up": "../..", "absolute": "/etc", "dangling": "../../not there", "chain": "out",
        "loop": "loop", "within": "inner", "to itself": ".",
    }  # fmt: skip
    for name, target in links.items():
        (folder / "Files" / name).symlink_to(target)
    return folder


@pytest.mark.parametrize("name", ["out", "up", "up/secret", "absolute/passwd", "dangling", "chain", "within/../up"])
def test_links_that_lead_out_are_not_followed(linked: Path, name: str) -> None:
    with pytest.raises(Outside):
        path_within(linked, ("Files", *name.split("/")))


def test_links_within_are_followed(linked: Path) -> None:
    assert path_within(linked, ("Files", "within", "new")) == linked / "Files" / "inner" / "new"


PIECES = st.sampled_from(
    ["..", ".", "...", "", "/", "//", "\\", "%2e%2e", "%2f", "%5c", "%00", "\0", "up", "out", "chain", "loop", "to itself",
     "within", "Files", "Tables", ".catalog", "secret", "é", "a b", "~", "file:", "local:", "/etc/passwd", "\ud800", ":",
     "abfss://", "@", HOST, "house", "/lakehouse/default"]
)  # fmt: skip
PATHS = st.one_of(st.lists(PIECES, max_size=12).map("/".join), st.lists(PIECES, max_size=12).map("".join), st.text())


@given(PATHS)
def test_no_path_leaves_the_folder(linked: Path, path: str) -> None:
    try:
        found = path_within(linked, segments(path))
    except BadPath:
        return
    assert is_inside(found, linked)
    assert os.path.realpath(found) != os.path.realpath(linked.parent / "secret")  # a file of that name inside is none


@given(PATHS)
def test_no_path_of_a_request_leaves_lakehouses_and_temporary_files(linked: Path, path: str) -> None:
    lakehouse = Lakehouse(id=BRONZE, name="house", workspace_id=SALES, folder=linked)
    workspaces = Workspaces(all=(Workspace(id=SALES, name="sales", lakehouses=(lakehouse,)),))
    for text in (path, f"abfss://sales@{HOST}/house/{path}", f"file:{linked}/{path}", f"/lakehouse/default/{path}"):
        try:
            found = local_path(text, lakehouse, workspaces)
        except BadPath:
            continue
        assert is_inside(found, linked) or is_inside(found, Path(tempfile.gettempdir()))


@given(st.lists(PIECES, max_size=6).map("/".join))
def test_a_onelake_path_is_resolved_or_refused(linked: Path, path: str) -> None:
    lakehouse = Lakehouse(id=BRONZE, name="house", workspace_id=SALES, folder=linked)
    workspaces = Workspaces(all=(Workspace(id=SALES, name="sales", lakehouses=(lakehouse,)),))
    try:
        found = read_path(f"sales/house/{path}", workspaces)
    except BadPath:
        return
    assert found.lakehouse == lakehouse


def test_jars_files_and_archives_of_a_request_become_settings_with_local_uris(
    workspaces: Workspaces, root: Path
) -> None:
    request = BatchRequest(
        file="Files/x.py",
        jars=(f"abfss://{SALES}@{HOST}/gold/Files/a b.jar", "https://repo.example/b.jar"),
        py_files=("Files/lib.zip",),
        files=("/lakehouse/default/Files/data.csv",),
        archives=("Files/env.tar.gz#environment",),
        conf={"spark.jars": "Files/first.jar, ", "spark.app.name": "kept"},
    )
    found = with_local_files(request, workspaces.first_lakehouse, workspaces)
    bronze = "file:///nowhere/lakes/Bronze%20%C3%A9/Files"
    assert dict(found.conf) == {
        "spark.jars": f"{bronze}/first.jar,file:///nowhere/lakes/gold/Files/a%20b.jar,https://repo.example/b.jar",
        "spark.submit.pyFiles": f"{bronze}/lib.zip",
        "spark.files": f"{bronze}/data.csv",
        "spark.archives": f"{bronze}/env.tar.gz#environment",
        "spark.app.name": "kept",
    }


@pytest.mark.parametrize("path", ["Files/a,b.jar", "Files/*.jar", "Files/[a].jar", "/etc/x.jar"])
def test_paths_that_spark_would_read_as_lists_or_patterns_are_refused(workspaces: Workspaces, path: str) -> None:
    with pytest.raises(BadPath):
        with_local_files(BatchRequest(file="Files/x.py", jars=(path,)), workspaces.first_lakehouse, workspaces)
