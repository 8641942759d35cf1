"""The fixture `fabric_mocks`, without a session: which folders count, and what a report says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


def test_mocks_of_a_test_come_before_those_of_the_folder_and_end_with_the_test(pytester: pytest.Pytester) -> None:
    shared = pytester.mkdir("shared")
    (shared / "mocks.toml").write_text('[tokens]\npbi = "shared"\n')
    pytester.makepyfile(
        """
        import json, os

        def test_first(fabric_mocks):
            fabric_mocks.secret("v", "s", "hidden")
            own, shared = os.environ["FABRIC_LIVY_MOCKS"].split(os.pathsep)
            assert shared.endswith("shared")
            assert json.load(open(own + "/mocks.json")) == {"vaults": {"v": {"s": "hidden"}}}
            with open(os.environ["FABRIC_LIVY_MOCKS_USED"], "a") as used:
                print(json.dumps({"mock": "secret", "name": "v/s", "file": own + "/mocks.json"}), file=used)
            assert [str(use) for use in fabric_mocks.used] == ["secret v/s"]

        def test_second():
            assert "FABRIC_LIVY_MOCKS" not in os.environ
        """
    )
    done = pytester.runpytest_subprocess("--fabric-mocks", "shared", "--junit-xml", "report.xml", "-p", "no:randomly")
    done.assert_outcomes(passed=2)
    report = Path("report.xml").read_text(encoding="utf-8")
    assert "secret v/s" in report
    assert "hidden" not in report
