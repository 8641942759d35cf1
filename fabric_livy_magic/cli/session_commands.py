"""`fabric-livy use | sessions | start | stop`: where commands work, and the sessions that they keep by name."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.session_request import add_request_options, check_sizes, session_spec
from fabric_livy_magic.cli.targets import add_target, check_target, open_account, say
from fabric_livy_magic.errors import FabricLivyError, SettingsError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.account import Account
    from fabric_livy_magic.sessions.kept_sessions import KeptSession
    from fabric_livy_magic.settings import SessionSpec

DEFAULT_NAME = "main"


def add_session_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    use = commands.add_parser(
        "use",
        help="choose where commands and notebooks work, in your settings file; without TARGET show it",
        description="Choose where commands and notebooks work: it is written into your settings file. Without TARGET: show it.",
    )
    use.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="local, workspace/lakehouse, a Livy connection string, or the address of a Livy server",
    )
    use.add_argument("--json", action="store_true", help="the target as JSON")
    use.set_defaults(command=_use)

    start = commands.add_parser(
        "start",
        help="start a session that goes on, for `sql --session NAME`",
        description="Start a session that goes on until `fabric-livy stop`, or until its idle time is over. One that runs is left alone.",
    )
    start.add_argument("session", nargs="?", default=DEFAULT_NAME, metavar="NAME", help="(default: main)")
    add_request_options(start)
    start.add_argument("--fresh", action="store_true", help="stop the one of that name first; its variables are lost")
    add_target(start)
    start.add_argument("--json", action="store_true", help="the session as JSON")
    start.set_defaults(command=_start, high_concurrency=False)

    sessions = commands.add_parser("sessions", help="list the sessions on the server, or those kept by name")
    sessions.add_argument("--mine", action="store_true", help="yours alone, and what each belongs to")
    sessions.add_argument(
        "--kept", action="store_true", help="those that `start` and `sql --session` keep, on all servers"
    )
    add_target(sessions)
    sessions.add_argument("--json", action="store_true", help="the list as JSON")
    sessions.set_defaults(command=_sessions)

    stop = commands.add_parser("stop", help="stop sessions by name or id, or all that are kept")
    stop.add_argument("sessions", nargs="*", metavar="NAME", help="a name of `sessions --kept`, or an id of `sessions`")
    stop.add_argument("--all", action="store_true", help="all that are kept by name")
    stop.add_argument("--orphans", action="store_true", help="those that notebooks of yours left when they died")
    stop.add_argument("--yes", action="store_true", help="with --orphans: without the question")
    add_target(stop)
    stop.add_argument("--json", action="store_true", help="what was stopped, as JSON")
    stop.set_defaults(command=_stop)


# ------------------------------------------------------------------------------------------- use
def _use(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.lists import json_text
    from fabric_livy_magic.settings_files import user_file, write_user_setting

    with open_account(None) as account:
        if options.target is None:
            check_target(None)
        else:
            account.use(options.target)
            step = _checked(account)
            write_user_setting("target", account.target.text)
            say(f"Written into {user_file()}.")
            say(step)
    with open_account(None) as account:
        target, origin = account.target, account.settings.origins.get("target", "")
        if options.json:
            print(json_text({"target": target.text, "url": target.url or None, "from": origin}))
        else:
            print(printable(f"Target: {target.text} (from {origin})"))
        if options.target is not None and target.text != options.target.strip():
            say(f"It does not count here: {origin} comes before your settings file.")
    return 0


def _checked(account: Account) -> str:
    """What to do next. Raises SettingsError for a name that is not there."""
    return account.next_step().replace("The first cell starts a session; `%livy start` does it now.", NEXT)


NEXT = '`fabric-livy sql "SELECT …"` runs on it.'


# ------------------------------------------------------------------------------------------- start
def _start(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.lists import age_text, json_text
    from fabric_livy_magic.output.progress import progress_line
    from fabric_livy_magic.sessions.kept_sessions import kept_session

    def spec(account: Account) -> SessionSpec:
        from fabric_livy_magic.settings import SessionSpec as Spec

        environment_id = account.environment_id(options.environment) if options.environment else ""
        wanted = session_spec(options, Spec(), environment_id)
        if account.target.is_fabric_api:
            check_sizes(wanted)
        return wanted

    began = time.monotonic()
    with progress_line("auto", None) as progress:

        def tell(line: str) -> None:
            progress.make_room()
            say(line)

        with kept_session(
            options.session, options.target, tell, spec=spec, fresh=options.fresh, on_progress=progress
        ) as (session, record, was_started):
            took = age_text(time.monotonic() - began)
            state = session.remote.last_info.state.value
        if options.json:
            progress.make_room()
            print(json_text(_kept_record(record, state)))
        else:
            tell(
                f"Session {record.name!r} is ready after {took}."
                if was_started
                else f"Session {record.name!r} runs already and keeps what it was started with; --fresh starts it anew."
            )
        tell(record.cost_line)
    return 0


def _kept_record(one: KeptSession, state: str) -> dict[str, Any]:
    return {"name": one.name, "id": one.id, "state": state, "target": one.target, "idle": one.idle or None}


# ------------------------------------------------------------------------------------------- sessions
def _sessions(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.lists import ListColumn, OwnList
    from fabric_livy_magic.sessions.kept_sessions import kept_sessions

    if options.kept:
        if options.mine or options.target:
            raise SettingsError("`fabric-livy sessions --kept` is for all servers; leave --mine and --target out.")
        return _list_kept(options)
    kept = {one.id: one.name for one in kept_sessions()}
    columns = [
        ListColumn("id", "id", "id"),
        ListColumn("name", "name"),
        ListColumn("state", "state", "state"),
        ListColumn("age_s", "age", "age"),
    ]
    with open_account(options.target, needs_target=True) as account:
        _refuse_embedded(account)
        if options.mine:
            columns.append(ListColumn("belongs_to", "belongs to"))
            records = _own_records(options.target)
        else:
            columns += [ListColumn("owner", "owner"), ListColumn("kept_as", "kept as")]
            records = [
                {
                    "id": info.id,
                    "name": info.name,
                    "state": info.state.value,
                    "age_s": info.age_s(time.time()),
                    "owner": info.owner,
                    "kept_as": kept.get(info.id),
                }
                for info in account.client().list_sessions()
            ]
        empty = f"There is no session{' of yours' if options.mine else ''} on {account.target.text}."
    print(OwnList(tuple(columns), records, empty).printed(as_json=options.json))
    return 0


def _refuse_embedded(account: Account) -> None:
    if account.target.is_embedded:
        raise SettingsError(
            "Each notebook, and each command without --session, has an embedded Fabric of its own. `fabric-livy sessions --kept` lists "
            "the sessions that go on."
        )


def _own_records(target: str | None) -> list[dict[str, Any]]:
    from fabric_livy_magic.sessions.own_sessions import own_sessions
    from fabric_livy_magic.sessions.runner import Runner

    return [
        {
            "id": one.info.id,
            "name": one.info.name,
            "state": one.info.state.value,
            "age_s": one.info.age_s(time.time()),
            "belongs_to": one.where,
            "is_orphan": one.is_orphan,
        }
        for one in own_sessions(Runner({"target": target} if target else None))
    ]


def _list_kept(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.lists import ListColumn, OwnList
    from fabric_livy_magic.sessions.kept_sessions import forget_kept, kept_sessions, state_of_kept

    records = []
    for one in kept_sessions():
        try:
            info = state_of_kept(one)
        except FabricLivyError as error:
            records.append({**_kept_record(one, "unknown"), "age_s": None, "note": str(error)})
            continue
        if info is None:
            forget_kept(one)
            say(f"Session {one.name!r} (id {one.id}) has ended.")
        else:
            records.append({**_kept_record(one, info.state.value), "age_s": info.age_s(time.time()), "note": None})
    columns = (
        ListColumn("name", "name"),
        ListColumn("state", "state", "state"),
        ListColumn("age_s", "age", "age"),
        ListColumn("idle", "ends when unused for"),
        ListColumn("id", "id", "id"),
        ListColumn("target", "target", "address"),
        ListColumn("note", "note"),
    )
    empty = "No session is kept. `fabric-livy start NAME` starts one."
    print(OwnList(columns, records, empty).printed(as_json=options.json))
    return 0


# ------------------------------------------------------------------------------------------- stop
def _stop(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.lists import json_text

    if sum((bool(options.sessions), options.all, options.orphans)) != 1:
        raise SettingsError("`fabric-livy stop` takes names, or --all, or --orphans.")
    stopped = _stop_orphans(options) if options.orphans else _stop_named(options)
    if options.json:
        print(json_text(stopped))
    return 0


def _stop_named(options: argparse.Namespace) -> list[dict[str, Any]]:
    from fabric_livy_magic.sessions.kept_sessions import find_kept, kept_sessions, stop_kept

    stopped = []
    names = [one.name for one in kept_sessions()] if options.all else options.sessions
    for name in names:
        kept = find_kept(name)
        was_there = stop_kept(kept) if kept else _stop_by_id(name, options.target)
        session_id = kept.id if kept else name
        stopped.append({"name": name if kept else None, "id": session_id, "was_there": was_there})
        say(f"Session {name!r} is stopped." if was_there else f"Session {name!r} was gone already.")
    if not names:
        say("No session is kept.")
    return stopped


def _stop_by_id(session_id: str, target: str | None) -> bool:
    from fabric_livy_magic.errors import NotFoundError

    unknown = f"No session is kept as {session_id!r}"
    try:
        check_target(target)
    except SettingsError:
        raise SettingsError(f"{unknown}, and there is no target on which it could be an id.") from None
    with open_account(target) as account:
        if account.target.is_embedded:
            raise SettingsError(f"{unknown}. `fabric-livy sessions --kept` lists those that are.")
        client = account.client()
        try:
            client.get_session(session_id)
        except NotFoundError:
            raise SettingsError(f"{unknown}, and {account.target.text} has no session of that id.") from None
        return client.delete_session(session_id)


def _stop_orphans(options: argparse.Namespace) -> list[dict[str, Any]]:
    from fabric_livy_magic.sessions.own_sessions import own_sessions
    from fabric_livy_magic.sessions.records import forget
    from fabric_livy_magic.sessions.runner import Runner

    check_target(options.target)
    runner = Runner({"target": options.target} if options.target else None)
    _refuse_embedded(runner.account)
    orphans = [one for one in own_sessions(runner) if one.is_orphan]
    for one in orphans:
        say(f"{one.info.id} ({one.info.state.value}): {one.where}")
    if not orphans:
        say("There is no orphan: every session of yours belongs to a notebook that runs, or was to be kept.")
    elif not options.yes and not _agrees():
        say("Nothing was stopped.")
        return []
    client, stopped = runner.account.client(), []
    for one in orphans:
        was_there = client.delete_session(one.info.id)
        forget(one.info.id)
        stopped.append({"name": None, "id": one.info.id, "was_there": was_there})
        say(f"Session {one.info.id} is stopped." if was_there else f"Session {one.info.id} was gone already.")
    return stopped


def _agrees() -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("Nobody can be asked here. `fabric-livy stop --orphans --yes` stops them.")
    try:
        print("Stop them? [y/N] ", end="", file=sys.stderr, flush=True)
        return input().strip().lower() in {"y", "yes"}
    except EOFError:
        return False
