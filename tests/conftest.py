from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import Scheduling

from tests.support import class_data, schedule
from tests.support.browser import running_chromium
from tests.support.fakes import FakeFabric
from tests.support.timing import FakeClock

GOLDEN = Path(__file__).parent / "golden"
# Their suites are run as their teams would, by tests/testing.
collect_ignore = ["example_repository", "failing_repository"]
# The same examples in every run, and none that fails for the machine being slow.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fabric",
        metavar="CONNECTION_STRING",
        help="also run the tests marked `fabric`, on the lakehouse of this Livy connection string (they start sessions, "
        "which cost capacity); the token comes from FABRIC_LIVY_TOKEN or `az login`",
    )
    parser.addoption(
        "--livy",
        metavar="URL",
        help="also run the tests marked `livy`, on the Apache Livy server at this address",
    )
    parser.addoption(
        "--dbt",
        action="store_true",
        default=bool(
            os.environ.get("TEST_DBT")
        ),  # as .ci/run has it: pytest in a test inherits no option of this suite by it
        help="also run the tests marked `dbt`, which install dbt from the registry (90 MB)",
    )
    parser.addoption(
        "--release",
        action="store_true",
        help="also run the tests marked `release`, which build the wheel and install it into clean environments",
    )
    parser.addoption(
        "--connect",
        action="store_true",
        help="also run the tests marked `connect`, which install PySpark 4 with Spark Connect (400 MB)",
    )
    parser.addoption(
        "--fifty", action="store_true", help="run all notebooks of tests/fifty_notebooks, not only the chosen ones"
    )


def pytest_configure(config: pytest.Config) -> None:
    # A Ctrl-C inside the HTTP library can leave it a socket that only the garbage collector closes, in some later test.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):  # the one that starts the workers
        making = ExitStack()
        making.enter_context(class_data.in_the_making())
        config.add_cleanup(making.close)
        config.option.loadscopereorder = False  # the order is `schedule`'s


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return schedule.Schedule(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items[:] = schedule.in_order(items)
    needs = {
        "fabric": "needs a Fabric account: --fabric <Livy connection string>",
        "livy": "needs an Apache Livy server: --livy <address>",
        "dbt": "installs dbt: --dbt",
        "release": "builds and installs the wheel: --release",
        "connect": "installs PySpark 4 with Spark Connect: --connect",
    }
    for mark, reason in needs.items():
        if not config.getoption(f"--{mark}"):
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _own_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or the sign-in of whoever runs it."""
    if request.node.get_closest_marker("fabric"):
        return
    for name in os.environ:
        if name.startswith(("FABRIC_LIVY_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")  # argparse wraps help at the width of the terminal


@pytest.fixture
def quick_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """MSAL looks once a second whether the browser has come back, which would be a second for each sign-in."""
    from msal.oauth2cli import authcode

    clock = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.02)))
    monkeypatch.setattr(authcode, "time", clock)


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFabric]:
    """A scripted Fabric. It runs no Python, so cells go to it as plain statements."""
    monkeypatch.setenv("FABRIC_LIVY_RICH", "off")
    fake = FakeFabric()
    yield fake
    fake.stop()


@pytest.fixture
def apache_livy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFabric]:
    monkeypatch.setenv("FABRIC_LIVY_RICH", "off")
    fake = FakeFabric(apache=True)
    yield fake
    fake.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """`golden(name, text)`: the text is what `tests/golden/name` holds. Written on the first run, for a person to read."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            pytest.fail(f"tests/golden/{name} was written. Please read and commit it.")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One for a file that looks at pages. While it runs, Playwright's event loop is the thread's."""
    with running_chromium() as browser:
        yield browser
