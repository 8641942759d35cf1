"""`%livy batch` and `%%livy_batch` in a notebook whose target is a scripted server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fabric_livy_magic.cells.batch_options import VERBS, batch_cell_parser, verb_parser
from fabric_livy_magic.errors import BatchFailed, Interrupted, NotFoundError, WaitTimeout
from tests.support.fakes import LAKEHOUSE, WORKSPACE, FakeFabric
from tests.support.notebook import Notebook
from tests.support.options import spellings
from tests.support.timing import interrupt_after

ONELAKE = f"abfss://{WORKSPACE}@onelake.dfs.fabric.microsoft.com/{LAKEHOUSE}"


def submitted_id(fabric: FakeFabric) -> str:
    return list(fabric.batches.kept)[-1]


def test_a_file_of_the_lakehouse_is_submitted_and_said_how_to_go_on(nb: Notebook, fabric: FakeFabric) -> None:
    shown = nb.ok("%livy batch submit Files/job.py").text
    batch_id = submitted_id(fabric)
    (body,) = [one.body for one in fabric.seen("POST", "/batches")]
    assert body.pop("name").startswith("job-")
    assert body == {"file": f"{ONELAKE}/Files/job.py"}
    assert f"(id {batch_id}, starting)" in shown
    assert f"`%livy batch wait {batch_id}` waits for its end" in shown


def test_every_option_of_submit_is_in_the_request(nb: Notebook, fabric: FakeFabric) -> None:
    environment = "0c7a3f60-1111-4222-8333-444455556666"
    fabric.fault(
        "GET", r"^\?.*/environments$", status=200, body={"value": [{"id": environment, "displayName": "Nightly"}]}
    )
    nb.ok(
        "%livy batch submit abfss://w@onelake/l/Files/job.jar --class its.Main --conf spark.x=1 --conf spark.y=a=b --jar Files/a.jar "
        "--jar /lakehouse/default/Files/b.jar --py-files https://host/c.zip --environment Nightly --name nightly "
        "-- --day '2024 01' --wait -n"
    )
    (body,) = [one.body for one in fabric.seen("POST", "/batches")]
    assert body == {
        "file": "abfss://w@onelake/l/Files/job.jar",
        "className": "its.Main",
        "args": ["--day", "2024 01", "--wait", "-n"],
        "jars": [f"{ONELAKE}/Files/a.jar", f"{ONELAKE}/Files/b.jar"],
        "pyFiles": ["https://host/c.zip"],
        "name": "nightly",
        "conf": {
            "spark.x": "1",
            "spark.y": "a=b",
            "spark.fabric.environmentDetails": f'{{"id": "{environment}"}}',
        },
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("batch submit nothing.py", r"There is no file nothing.py on this machine .* is written Files/nothing.py"),
        ("batch submit .", r"a batch runs \.py, \.jar, or a notebook"),
        ("batch submit Files/job.py --class its.Main", "--class names the main class of a jar"),
        ("batch submit Files/job.py --jar lib.py", "--jar takes a .jar file, not 'lib.py'"),
        ("batch submit Files/job.py --timeout 5", "--timeout is for --wait"),
        ("batch submit Files/job.py --wait --timeout soon", "a number of seconds above 0, not 'soon'"),
        ("batch submit Files/job.py --conf spark.x", "--conf takes KEY=VALUE"),
        ("batch submit Files/job.py a b", "'a' is one word too many"),
        ("batch submit Files/../job.py", "no path of a lakehouse leads anywhere but down"),
        ("batch submit nothing.ipynb", "There is no notebook"),
        ("batch submit", "the following arguments are required: FILE"),
        ("batch logs x -n 0", "a number above 0, not '0'"),
        ("batch sumbit x.py", "There is no `%livy batch sumbit`. Did you mean 'submit'?"),
        ("batch show 77", r"There is no batch 77 on this server.*`%livy batch list`"),
        ("batch logs 77", "There is no batch 77"),
        ("batch wait 77", "There is no batch 77"),
        ("batch cancel 77", "There is no batch 77"),
    ],
)
def test_bad_input_is_told_and_nothing_is_submitted(nb: Notebook, fabric: FakeFabric, line: str, says: str) -> None:
    assert re.search(says, nb.fails(f"%livy {line}").replace("\n", ""))
    assert fabric.seen("POST", "/batches") == []


def test_a_near_name_is_suggested_for_a_missing_file(
    nb: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nightly.py").touch()
    assert "Did you mean 'nightly.py'?" in nb.fails("%livy batch submit nigthly.py")


def test_a_wait_ends_with_success(nb: Notebook, fabric: FakeFabric) -> None:
    shown = nb.ok("%livy batch submit Files/job.py --wait --timeout 60").text
    assert re.search(
        r"Batch job-\w+ has succeeded, waited for [\d.]+ s \(id (\S+)\)\. `%livy batch logs \1` shows what it has printed\.",
        shown,
    )


def test_a_failed_batch_fails_its_cell_with_reason_and_log(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batches.log = ["stdout: ", "before", "ValueError: the telling line", "\nstderr: "]
    fabric.batch_goes("starting", "dead", errorInfo=[{"errorCode": "E1", "message": "exit code 3"}])
    outcome = nb.run("%livy batch submit Files/job.py --wait")
    assert isinstance(outcome.error, BatchFailed)
    assert "failed (state: dead)" in outcome.text
    assert "The server says: E1 exit code 3" in outcome.text
    assert "ValueError: the telling line" in outcome.text


def test_a_batch_that_never_starts_is_left_after_the_timeout(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batch_goes("not_started")
    outcome = nb.run("%livy batch submit Files/job.py --wait --timeout 0.3")
    assert isinstance(outcome.error, WaitTimeout)
    assert "The batch had not ended after 0.3 s (state: not started)" in outcome.text
    assert fabric.batches.cancelled == []


def test_an_interrupt_stops_the_waiting_and_says_how_to_cancel(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batch_goes("running")
    nb.ok("%livy batch submit Files/job.py")
    batch_id = submitted_id(fabric)
    for line in (f"wait {batch_id}", f"logs -f {batch_id}"):
        interrupt_after(0.3)
        outcome = nb.run(f"%livy batch {line}")
        assert isinstance(outcome.error, Interrupted)
        assert f"`%livy batch cancel {batch_id}` cancels it" in outcome.text
    assert fabric.batches.cancelled == []


def test_the_list_has_the_latest_first_and_is_data_with_json(nb: Notebook, fabric: FakeFabric) -> None:
    assert "There is no batch on" in nb.ok("%livy batch list").text
    fabric.batch_goes("running", submittedAt="2024-01-31T10:00:00Z")
    nb.ok("%livy batch submit Files/first.py --name first")
    fabric.batch_goes("dead", submittedAt="2024-01-31T11:00:00Z")
    nb.ok("%livy batch submit Files/second.py --name second")
    listed = nb.ok("%livy batch list")
    assert "flm-w bad" in listed.html
    assert listed.text.index("second") < listed.text.index("first")
    records = nb.ok("%livy batch list --json").value
    assert [(one["name"], one["state"]) for one in records] == [("second", "dead"), ("first", "running")]
    assert set(records[0]) == {"id", "name", "state", "age_s", "application", "owner"}


def test_of_many_the_latest_are_drawn_and_all_are_data(nb: Notebook, fabric: FakeFabric) -> None:
    for number in range(60):
        fabric.batch_goes("success", submittedAt=f"2024-01-31T10:{number:02}:00Z")
        fabric.batches.answer("POST", "/batches", {}, {"name": f"batch-{number}"})
    shown = nb.ok("%livy batch list").text
    assert "The latest 50 of 60; --json has them all." in shown
    assert ("batch-10 " in shown, "batch-9 " in shown) == (True, False)
    assert len(nb.ok("%livy batch list --json").value) == 60


def test_one_is_shown_with_all_that_is_known(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batch_goes(
        "starting", "dead", errorInfo=[{"message": "exit code 3"}], appId="application_1_7", submitterName="Ada"
    )
    nb.ok("%livy batch submit Files/job.py --name nightly")
    batch_id = submitted_id(fabric)
    shown = nb.ok(f"%livy batch show {batch_id}").text
    for text in (
        "nightly",
        batch_id,
        "dead",
        "exit code 3",
        "application_1_7",
        "Ada",
        f"`%livy batch logs {batch_id}`",
    ):
        assert text in shown
    (record,) = nb.ok(f"%livy batch show {batch_id} --json").value
    assert {key: record[key] for key in ("state", "has_ended", "succeeded", "exit_code", "reason", "link")} == {
        "state": "dead",
        "has_ended": True,
        "succeeded": False,
        "exit_code": 3,
        "reason": "exit code 3",
        "link": None,
    }


def test_its_log_is_shown_and_followed(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batches.log = ["stdout: ", "one", "two", "three", "\nstderr: "]
    fabric.batch_goes("running", "running", "success")
    nb.ok("%livy batch submit Files/job.py")
    batch_id = submitted_id(fabric)
    assert nb.ok(f"%livy batch logs {batch_id} -n 2").text == "two\nthree\n"
    assert nb.ok(f"%livy batch logs {batch_id} --lines 1 --json").value == [{"line": "three"}]
    followed = nb.ok(f"%livy batch logs --follow {batch_id}").text
    assert followed.startswith("one\ntwo\nthree\n")
    assert "has ended: success" in followed


def test_with_json_each_gives_the_batch_as_data(nb: Notebook, fabric: FakeFabric) -> None:
    (submitted,) = nb.ok("%livy batch submit Files/job.py --json").value
    (waited,) = nb.ok("%livy batch submit Files/job.py --wait --json").value
    assert (submitted["state"], waited["state"]) == ("starting", "success")
    (waited,) = nb.ok(f"%livy batch wait {submitted['id']} --timeout 60 --json").value
    (left,) = nb.ok(f"%livy batch cancel {submitted['id']} --json").value
    assert waited["succeeded"]
    assert left["state"] == "success"


def test_a_log_cannot_steer_the_front_end(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batches.log = ["stdout: ", "\x1b]0;title\x07\u202e", "\nstderr: "]
    fabric.batch_goes("success")
    nb.ok("%livy batch submit Files/job.py")
    for line in ("logs", "logs -f"):
        assert "\x1b]" not in nb.ok(f"%livy batch {line} {submitted_id(fabric)}").text


def test_one_is_cancelled_and_an_ended_one_is_left(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.batch_goes("running")
    nb.ok("%livy batch submit Files/job.py")
    batch_id = submitted_id(fabric)
    assert "was told to end" in nb.ok(f"%livy batch cancel {batch_id}").text
    assert fabric.batches.cancelled == [batch_id]
    assert "had ended already: killed" in nb.ok(f"%livy batch cancel {batch_id}").text
    assert fabric.batches.cancelled == [batch_id]
    assert "was cancelled" in nb.fails(f"%livy batch wait {batch_id}")


def test_a_cell_that_a_batch_cannot_run_is_refused_before_anything_is_sent(nb: Notebook, fabric: FakeFabric) -> None:
    assert "%pip: a batch takes its packages from an environment" in nb.fails("%%livy_batch\n%pip install x")
    assert "has no body" in nb.fails("%%livy_batch --wait\n  \n")
    assert fabric.requests == []


def test_help_is_there_for_each(nb: Notebook) -> None:
    assert all(f"%livy batch {verb}" in nb.ok("%livy batch").text for verb in VERBS)
    assert "usage: %livy batch submit" in nb.ok("%livy batch submit --help").text
    assert "usage: %%livy_batch" in nb.ok("%%livy_batch --help\n1").text
    assert "usage: %livy batch SUBCOMMAND" in nb.ok("%livy help batch").text


@pytest.mark.parametrize("verb", VERBS)
def test_no_option_is_without_a_use_here(verb: str) -> None:
    text = re.sub(r'"\s*\n\s*f?"', "", Path(__file__).read_text(encoding="utf-8"))
    parsers = [verb_parser(verb), *([batch_cell_parser()] if verb == "submit" else [])]
    for parser in parsers:
        for option, words in spellings(parser):
            assert any(re.search(rf"{verb}\b[^\n]*\s{re.escape(word)}\b", text) for word in words), option


def test_a_livy_server_gets_paths_of_its_own_as_they_are(bare: Notebook, apache_livy: FakeFabric) -> None:
    bare.ok(f"%livy use {apache_livy.url}")
    for file in ("/srv/job.py", "hdfs:///jobs/job.py"):
        bare.ok(f"%livy batch submit {file}")
        assert apache_livy.seen("POST", "/batches")[-1].body["file"] == file
    assert "an Apache Livy server cannot read" in bare.fails("%livy batch submit job.py")
    assert "an Apache Livy server cannot read" in bare.fails("%%livy_batch\n1")
    assert isinstance(bare.run("%livy batch show 99").error, NotFoundError)
