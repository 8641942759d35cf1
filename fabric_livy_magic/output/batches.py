"""Batches as lists, as records and as lines: the same in a notebook and in a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.livy.batches import Commands, state_text
from fabric_livy_magic.livy.models import BatchInfo, BatchState
from fabric_livy_magic.output.lists import ListColumn, OwnList
from fabric_livy_magic.output.short_texts import seconds_text
from fabric_livy_magic.sessions.batches import Batch

MOST_SHOWN = 50
BATCH_COLUMNS = (
    ListColumn("id", "id", "id"),
    ListColumn("name", "name"),
    ListColumn("state", "state", "state"),
    ListColumn("age_s", "age", "age"),
    ListColumn("application", "application"),
    ListColumn("owner", "owner"),
)
FACT_COLUMNS = (ListColumn("what", "what"), ListColumn("value", "value"))


def batch_record(info: BatchInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "name": info.name,
        "state": info.state.value,
        "age_s": info.age_s(time.time()),
        "application": info.app_id,
        "owner": info.owner,
    }


def batches_list(infos: Sequence[BatchInfo], where: str, commands: Commands) -> OwnList:
    empty = f"There is no batch on {where}. {commands('submit FILE')} submits one."
    more = f"The latest {MOST_SHOWN} of {len(infos):,}; --json has them all." if len(infos) > MOST_SHOWN else ""
    return OwnList(BATCH_COLUMNS, list(map(batch_record, infos[:MOST_SHOWN])), empty, caption=more)


def batch_data(batch: Batch) -> dict[str, Any]:
    """One batch for a program."""
    return {
        **batch_record(batch.last_info),
        "has_ended": batch.last_info.state.has_ended,
        "succeeded": batch.last_info.state is BatchState.SUCCESS,
        "exit_code": batch.exit_code if batch.last_info.state.has_ended else None,
        "reason": batch.reason or None,
        "link": batch.run_link or None,
    }


def batch_facts(batch: Batch, commands: Commands) -> OwnList:
    """What there is to know of one."""
    data = batch_data(batch)
    texts = {
        "batch": data["name"],
        "id": data["id"],
        "state": state_text(batch.last_info.state),
        "exit code": data["exit_code"],
        "reason": data["reason"],
        "age": ListColumn("age_s", "", "age").text(data),
        "application": data["application"],
        "owner": data["owner"],
        "run": data["link"],
    }
    records = [{"what": name, "value": value} for name, value in texts.items() if value not in {None, ""}]
    return OwnList(FACT_COLUMNS, records, caption=f"{commands(f'logs {batch.id}')} shows what it has printed.")


def submitted_lines(batch: Batch, commands: Commands, *, is_waited_for: bool) -> list[str]:
    lines = [f"Submitted {batch.name} (id {batch.id}, {state_text(batch.last_info.state)})"]
    if batch.run_link:
        lines.append(f"Its run: {batch.run_link}")
    if not is_waited_for:
        lines.append(
            f"{commands(f'wait {batch.id}')} waits for its end, {commands(f'logs -f {batch.id}')} follows what it prints."
        )
    return lines


def success_line(batch: Batch, elapsed_s: float, commands: Commands | None) -> str:
    """`commands`: None where its server ends now, and its log with it."""
    logs = f". {commands(f'logs {batch.id}')} shows what it has printed." if commands else ""
    return f"Batch {batch.name} has succeeded, waited for {seconds_text(elapsed_s)} (id {batch.id}){logs}"


def ended_line(batch: Batch) -> str:
    reason = f": {batch.reason}" if batch.reason else ""
    return f"Batch {batch.name} has ended: {state_text(batch.last_info.state)}{reason}"


def cancelled_line(batch: Batch, *, was_running: bool) -> str:
    if not was_running:
        return f"Batch {batch.name} had ended already: {state_text(batch.last_info.state)}"
    return f"Batch {batch.name} was told to end (id {batch.id})"
