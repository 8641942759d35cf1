"""`/lakehouse/default` where nothing can be mounted: Python's file calls are mapped, as in a session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.interpreters.mapped_files import real_path
from fabric_livy_magic.local.lakehouse.mounts import MOUNT, RESOURCES_MOUNT, command_with_mount

CODE = """
import glob, gzip, os, pathlib, shutil, sys, zipfile
from fabric_livy_magic.local.interpreters.mapped_files import is_mounted, map_files
assert not is_mounted(sys.argv[1])
map_files({"/lakehouse/default": sys.argv[1], "/synfs/nb_resource": sys.argv[1] + "/Files"})
import pandas as pd
here = "/lakehouse/default/Files"
os.makedirs(f"{here}/a/b")
pd.DataFrame({"x": [1, 2]}).to_csv(f"{here}/a/t.csv", index=False)
pd.DataFrame({"x": [1, 2]}).to_parquet(f"{here}/a/t.parquet")
assert len(pd.read_csv(f"{here}/a/t.csv")) == len(pd.read_parquet(f"{here}/a/t.parquet")) == 2
path = pathlib.Path(here) / "a" / "b" / "text"
path.write_text("kept")
with path.open() as one, open(path) as two, open(file=bytes(path)) as three:
    assert one.read() == two.read() == three.read() == path.read_text() == "kept"
assert path.exists() and path.stat().st_size == 4 and os.path.isfile(path) and not os.path.exists(f"{here}/no")
shutil.copytree(f"{here}/a", f"{here}/c")
os.rename(f"{here}/c/t.csv", f"{here}/c/u.csv")
os.replace(src=f"{here}/c/u.csv", dst=f"{here}/c/v.csv")
shutil.move(f"{here}/c/v.csv", f"{here}/c/w.csv")
with zipfile.ZipFile(f"{here}/z.zip", "w") as packed:
    packed.write(path, "text")
with gzip.open(f"{here}/z.gz", "wt") as packed:
    packed.write("z")
os.remove(f"{here}/z.gz")
shutil.rmtree(f"{here}/c/b")
assert sorted(os.listdir(f"{here}/c")) == sorted(map(os.path.basename, glob.glob(f"{here}/c/*"))) == ["t.parquet", "w.csv"]
assert [name for _, _, names in os.walk(f"{here}/a") for name in sorted(names)] == ["t.csv", "t.parquet", "text"]
try:
    open(f"{here}/no")
except FileNotFoundError as missing:
    print(missing.filename.endswith("/Files/no"))
assert open("/synfs/nb_resource/a/b/text").read() == "kept"
assert os.stat(0) and os.listdir() == ["Files"]
"""


def test_python_reads_and_writes_below_the_mount_point(tmp_path: Path) -> None:
    lakehouse = tmp_path / "a lakehouse é"
    (lakehouse / "Files").mkdir(parents=True)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, str(lakehouse)],
        cwd=lakehouse,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert sorted(path.name for path in (lakehouse / "Files").iterdir()) == ["a", "c", "z.zip"]


@pytest.mark.parametrize(
    ("path", "real"),
    [
        (MOUNT, "/house"),
        (f"{MOUNT}/Files/x", "/house/Files/x"),
        (f"{MOUNT}/Files/../Tables", "/house/Tables"),
        (os.fsencode(f"{MOUNT}/é"), os.fsencode("/house/é")),
        (Path(MOUNT) / "x", "/house/x"),
        (f"{MOUNT}/../x", f"{MOUNT}/../x"),
        (f"{MOUNT}s/x", f"{MOUNT}s/x"),
        ("/synfs/nb_resource/builtin/x", "/private/builtin/x"),
        ("/synfs/notebook/x", "/synfs/notebook/x"),
        ("Files/x", "Files/x"),
        (3, 3),
        (None, None),
    ],
)
def test_which_paths_are_mapped(path: object, real: object) -> None:
    assert real_path(path, {MOUNT: "/house", RESOURCES_MOUNT: "/private"}) == real


@given(st.lists(st.sampled_from(["..", ".", "a", "", "default", "lakehouse"]), max_size=8))
def test_no_path_leads_out_of_the_lakehouse(parts: list[str]) -> None:
    path = "/".join([MOUNT, *parts])
    real = real_path(path, {MOUNT: "/nowhere/house"})
    assert real == path or Path(os.path.normpath(real)).is_relative_to("/nowhere/house")


def test_a_command_runs_with_the_mount_or_without(tmp_path: Path) -> None:
    lakehouse = tmp_path / "a lakehouse é"
    lakehouse.mkdir()
    (lakehouse / "here").touch()
    code = "import os; print(os.getcwd(), os.path.exists('/lakehouse/default/here'), os.listdir('/lakehouse/default'))"
    code += "; print(os.listdir('/synfs/nb_resource'))"
    command = command_with_mount(lakehouse, tmp_path / "root", [sys.executable, "-c", code], lakehouse)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    assert done.stdout == f"{tmp_path} True ['here']\n['here']\n"
    assert not list((tmp_path / "root").iterdir())
