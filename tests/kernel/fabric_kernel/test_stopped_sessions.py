"""A session whose Spark the notebook has stopped: what it is then is the same in all languages, and each says how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.fabric_kernel.conftest import new_kernel, sessions
from tests.support import service

pytestmark = pytest.mark.spark

USES_SPARK = {
    "python": "spark.range(3).count()",
    "sql": "%%sql\nSELECT * FROM range(3)",
    "scala": "%%spark\nprintln(spark.range(3).count())",
}
AGAIN = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nspark.range(2).count()"
STOP = """
kept = 1
print("before")
try:
    notebookutils.session.stop()
except Exception:
    print("swallowed")
print("behind")
"""


def test_a_stop_is_the_same_in_all_languages_and_a_stopped_session_is_followed_by_a_new_one(
    api: service.Api, tmp_path: Path
) -> None:
    with new_kernel(api, tmp_path) as kernel:
        assert kernel.run("kept = 1\nspark.stop()").status == "ok"
        for code in USES_SPARK.values():
            failed = kernel.run(code)
            assert failed.status == "error"
            assert "Spark was stopped in this session" in failed.evalue
            assert "SparkSession.builder.getOrCreate()" in failed.evalue
        assert kernel.run("kept").bundles[-1]["text/plain"] == "1"

        assert kernel.run(AGAIN).bundles[-1]["text/plain"] == "2"
        for code in USES_SPARK.values():
            assert kernel.run(code).status == "ok"

        restarted = kernel.run("notebookutils.session.restartPython()\nmine = 1")
        assert (restarted.status, "Python was restarted" in restarted.printed) == ("ok", True)
        assert kernel.run("mine").ename == "NameError"

        before = {one["id"] for one in sessions(api)}
        stopped = kernel.run(STOP)
        assert (stopped.status, stopped.printed) == ("ok", "before\n")
        assert "has stopped its session" in stopped.text
        assert "The next cell, or `%livy start`, starts a new one." in stopped.text
        assert before > {one["id"] for one in sessions(api)}
        assert kernel.run(USES_SPARK["sql"]).status == "ok"
        assert kernel.run("kept").ename == "NameError"
