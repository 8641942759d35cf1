"""The lines of progress and the folded errors in a browser: both themes, without a script, and with hostile texts."""

from __future__ import annotations

from typing import Any

import pytest

from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.spark_jobs import SparkWork, jobs_of, stages_of
from fabric_livy_magic.output.bundles import note_bundle
from fabric_livy_magic.output.errors import whole_error_bundle
from fabric_livy_magic.output.progress_view import MOST_STAGES_SHOWN, end_bundle, progress_bundle
from fabric_livy_magic.printable import printable
from tests.output.test_progress import STATES
from tests.support.browser import DARK, LIGHT, page_of, screenshot, serious_findings
from tests.support.hostile_texts import CALL, HOSTILE_TEXTS
from tests.support.spark_json import job, stage

pytestmark = pytest.mark.browser

JVM = "".join(f"\tat org.apache.spark.sql.Frame{number}.run(Frame.scala:{number})\n" for number in range(40))
ERROR = whole_error_bundle(StatementError("AnalysisException", "[UNRESOLVED_COLUMN] `fair`", ["Traceback …\n", JVM]))


def all_states() -> str:
    shown = [f"<h2>{name}</h2>{bundle['text/html']}" for name, bundle in STATES.items()]
    return f"<h1>Progress</h1>{''.join(shown)}<h2>error</h2>{ERROR['text/html']}"


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_serious_in_any_state(chromium: Any, theme: str) -> None:
    with page_of(chromium, all_states(), theme=theme) as page:
        for summary in page.locator("summary").all():
            summary.click()
        screenshot(page, f"progress and errors {theme}")
        assert serious_findings(page) == []


def test_the_rest_of_an_error_and_the_stages_open_by_a_click_without_a_script(chromium: Any) -> None:
    with page_of(chromium, all_states(), with_script=False) as page:
        rest, stages = page.locator("pre").last, page.locator(".flm-p table").first
        assert not rest.is_visible()
        assert not stages.is_visible()
        page.get_by_text("The whole error (40 more lines)").click()
        page.locator("details.flm-p summary").first.click()
        assert rest.inner_text().count("\n\tat org.apache.spark") == 40
        assert stages.is_visible()


def test_hostile_texts_of_stages_reasons_and_errors_are_shown_and_do_nothing(chromium: Any) -> None:
    texts = [text for text in HOSTILE_TEXTS if len(text) < 200]  # the name of a call site is cut there
    assert len(texts) < MOST_STAGES_SHOWN
    jobs = jobs_of([job(4, "7", 100, 100)])
    ended = SparkWork(tuple(jobs), tuple(stages_of([stage(8, 10, 10, name=text) for text in texts])), is_final=True)
    active = [stages_of([stage(8, 10, 1, running=1, name=text)])[0] for text in texts]
    bundles = [
        end_bundle(6.2, ended),
        *(
            progress_bundle(Progress("statement", "running", 3.0), work=SparkWork(tuple(jobs), (one,)))
            for one in active
        ),
        *(progress_bundle(Progress("session", text, 3.0, detail=text), text) for text in texts),
        *(note_bundle(text) for text in texts),
        *(whole_error_bundle(StatementError(text, text, [text, JVM])) for text in HOSTILE_TEXTS),
    ]
    script = f"<script>window.done = []; window.{CALL.removesuffix('()')} = () => done.push(1)</script>"
    with page_of(chromium, script + "".join(bundle["text/html"] for bundle in bundles)) as page:
        names = page.locator("details.flm-p tbody tr td:nth-child(2)").all_text_contents()
        assert names == [printable(text) for text in texts]
        running = page.locator("div.flm-p > .s").all_text_contents()
        assert running == [f"Stage 8, {printable(text)}: 1 of 10 tasks" for text in texts]
        errors = page.locator("details > pre").all_text_contents()
        assert len(errors) == len(HOSTILE_TEXTS)
        assert all(printable(text)[:1000] in whole for text, whole in zip(HOSTILE_TEXTS, errors, strict=True))
        assert page.evaluate("done") == []
        assert page.locator("img, iframe, svg, object, embed, video, base, meta[http-equiv], a, x, input").count() == 0
