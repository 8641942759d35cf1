"""Runs of Livy as lists and as data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.livy.batches import Commands
from fabric_livy_magic.livy.runs import BATCH, RunInfo
from fabric_livy_magic.output.lists import ListColumn, OwnList
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.sessions.runs import Run

MOST_REASON = 100
RUN_COLUMNS = (
    ListColumn("id", "id", "id"),
    ListColumn("name", "name"),
    ListColumn("kind", "kind"),
    ListColumn("state", "state", "state"),
    ListColumn("age_s", "age", "age"),
    ListColumn("ran_s", "ran", "age"),
    ListColumn("submitter", "submitter"),
    ListColumn("reason", "reason"),
)


def run_record(run: RunInfo) -> dict[str, Any]:
    age_s = None if run.submitted_s is None else max(0, round(time.time() - run.submitted_s))
    return {
        "id": run.id,
        "name": run.name or None,
        "kind": run.kind,
        "state": run.state,
        "age_s": age_s,
        "submitted": _time_text(run.submitted_s),
        "ended": _time_text(run.ended_s),
        "queued_s": run.queued_s,
        "ran_s": run.ran_s,
        "submitter": run.submitter or None,
        "application": run.app_id or None,
        "item": run.item or None,
        "reason": run.reason or None,
    }


def runs_list(runs: Sequence[RunInfo], where: str, commands: Commands, most: int) -> OwnList:
    records = [
        {**record, "reason": cut(record["reason"] or "", MOST_REASON) or None}
        for record in map(run_record, runs[:most])
    ]
    more = f"The latest {most} of {len(runs):,}; -n shows more. " if len(runs) > most else ""
    caption = f"{more}{commands.line('runs ID')} shows one."
    return OwnList(RUN_COLUMNS, records, f"Nothing of Livy has run on {where}.", caption=caption)


def run_data(run: Run) -> dict[str, Any]:
    """One for a program."""
    return {**run_record(run.info), "has_ended": run.info.has_ended, "link": run.run_link or None}


def run_facts(run: Run, commands: Commands) -> OwnList:
    data = run_data(run)
    age = ListColumn("age_s", "", "age")
    texts = {
        "run": data["name"],
        "id": data["id"],
        "kind": data["kind"],
        "state": data["state"].replace("_", " "),
        "reason": data["reason"],
        "submitted": data["submitted"],
        "ended": data["ended"],
        "age": age.text(data),
        "queued": ListColumn("queued_s", "", "seconds").text(data),
        "ran": ListColumn("ran_s", "", "age").text(data),
        "submitter": data["submitter"],
        "application": data["application"],
        "lakehouse": data["item"],
        "page": data["link"],
    }
    records = [{"what": name, "value": value} for name, value in texts.items() if value not in {None, ""}]
    logs = commands.line(f"batch logs {run.id}") if run.info.kind == BATCH else commands.line(f"logs {run.id}")
    caption = f"{logs} shows its log, {commands.line(f'spark {run.id}')} what Spark did."
    return OwnList((ListColumn("what", "what"), ListColumn("value", "value")), records, caption=caption)


def _time_text(moment_s: float | None) -> str | None:
    return None if moment_s is None else datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
