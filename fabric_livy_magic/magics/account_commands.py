"""`%livy use | login | logout | workspaces | lakehouses | environments | tables | schema | doctor | config`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from fabric_livy_magic.cells.subcommands import login_choices
from fabric_livy_magic.fabric.models import Item
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.account import findings_list, identity_lines, settings_list, show_device_prompt
from fabric_livy_magic.output.lists import ListColumn, OwnList, give
from fabric_livy_magic.sessions.doctor import examine
from fabric_livy_magic.settings import explain
from fabric_livy_magic.settings_files import decide_trust, project_file, shown_choices, take_back_trust
from fabric_livy_magic.signin.methods import UserPrompts, has_browser


def use(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    account = notebook.runner.account
    target = account.use(options.target)
    where = "an embedded Fabric on this machine, on real Spark" if target.is_embedded else target.url
    lines = [f"Target: {target.text} ({where})" if where and target.text != where else f"Target: {target.text}"]
    sessions = notebook.runner.sessions
    running = {name: one for name, one in sessions.items() if not one.lost and not sessions.server_has_ended(one)}
    here = [name for name, session in running.items() if session.target == target]
    if sessions.current in here:
        lines.append(f"Session {sessions.current!r} runs there already, and the next cell goes on in it.")
    elif here:
        lines.append(f"Sessions that run there already: {', '.join(here)}. `%livy switch {here[0]}` goes on in one.")
    elif running:
        lines.append(
            f"Sessions that run elsewhere stay there: {', '.join(running)}. `%livy start <name>` starts one here."
        )
    else:
        lines.append(account.next_step())
    notebook.say(*lines)


def login(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    account = notebook.runner.account
    prompts = UserPrompts(show_device_prompt=show_device_prompt, print_line=notebook.say, has_browser=has_browser())
    identity = account.login(prompts, **login_choices(options))
    notebook.say(*identity_lines(identity), *filter(None, [account.login_notice()]))


def whoami(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    account = notebook.runner.account
    target = account.target if account.settings.target else None
    if target is not None and target.is_embedded:
        return notebook.say("An embedded Fabric of this notebook: nobody has to sign in.")
    if target is not None and not target.is_fabric_api:
        return notebook.say(
            f"{target.text} is called {_as_whom(account.settings.livy_user, account.settings.livy_auth)}."
        )
    return notebook.say(*identity_lines(account.whoami()))


def _as_whom(livy_user: str, livy_auth: str) -> str:
    if livy_auth:
        return f"by {livy_auth} (`livy_auth`)"
    return f"as {livy_user}" if livy_user else "without a sign-in (`%livy config livy_user NAME` is one)"


def logout(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    notebook.runner.account.logout()
    notebook.say(
        "Signed out: no sign-in is kept on this machine any more. Sessions that run go on until they are stopped."
    )


# ------------------------------------------------------------------------------------------- look-ups
def workspaces(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    return _give_items("workspace", notebook.runner.account.api().workspaces(), options)


def lakehouses(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    api, workspace_id = notebook.runner.account.workspace(options.workspace)
    return _give_items("lakehouse", api.lakehouses(workspace_id), options)


def environments(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    api, workspace_id = notebook.runner.account.workspace(options.workspace)
    return _give_items("environment", api.environments(workspace_id), options)


def _give_items(what: str, items: Sequence[Item], options: argparse.Namespace) -> Any:
    columns = (ListColumn("name", what), ListColumn("id", "id", "id"), ListColumn("description", "description"))
    records = [{"name": one.name, "id": one.id, "description": one.description} for one in items]
    empty = f"There is no {what} that this account can see."
    return give(OwnList(columns, records, empty), as_data=options.json)


def tables(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    runner = notebook.runner
    rows = runner.tables(options.pattern)
    where = "lakehouse" if runner.account.target.is_fabric_api else "session's schema"
    empty = "There is no such table." if options.pattern else f"The {where} has no tables yet."
    return _give_rows({"name": "table", "format": "format", "kind": "kind"}, rows, empty, options)


def schema(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    titles = {"name": "column", "type": "type", "comment": "comment"}
    return _give_rows(titles, notebook.runner.columns(options.table), "It has no columns.", options)


def _give_rows(
    titles: Mapping[str, str], rows: Sequence[Sequence[str]], empty: str, options: argparse.Namespace
) -> Any:
    columns = tuple(ListColumn(key, title) for key, title in titles.items())
    return give(OwnList(columns, [dict(zip(titles, row, strict=False)) for row in rows], empty), as_data=options.json)


# ------------------------------------------------------------------------------------------- settings
def doctor(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    return give(findings_list(examine(notebook.runner)), as_data=options.json)


def config(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    account = notebook.runner.account
    if options.value is not None:
        account.choose(options.name, options.value)
    rows = [row for row in explain(account.settings) if options.name in {None, row[0]}]
    if not rows:
        account.choose(options.name, "")  # raises: no such setting
    data = give(settings_list(rows), as_data=options.json)
    account.ignored_notice()  # the lines below say it
    for ignored in account.ignored():
        chosen = {name: value for name, value in ignored.choices.items() if options.name in {None, name}}
        if chosen:
            notebook.say(f"Does not count in {ignored.path}:", *(f"  {line}" for line in shown_choices(chosen)))
            notebook.say(f"  {ignored.why}")
    return data


def trust(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    account = notebook.runner.account
    path = project_file(account.folder)
    if path is None:
        return notebook.say(f"There is no pyproject.toml for a notebook in {account.folder}.")
    if options.forget:
        notebook.say(take_back_trust(path))
        return account.read_files_anew()

    def agrees(what: str) -> bool:
        notebook.say(what)
        way_out = "`%livy trust --yes` trusts it, `fabric-livy trust` in a terminal asks."
        return options.yes or notebook.agrees("Trust this file? [y/N] ", way_out)

    notebook.say(decide_trust(path, agrees))
    return account.read_files_anew()
