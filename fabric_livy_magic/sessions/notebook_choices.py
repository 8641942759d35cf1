"""What a notebook's file and its `%%configure` choose for its next sessions."""

from __future__ import annotations

from dataclasses import replace

from fabric_livy_magic.cells.session_request import ENVIRONMENT_CONF, Configuration, ItemReference, environment_details
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.targets import ids_in_url, livy_url
from fabric_livy_magic.notebooks.defaults import LAKEHOUSES_CONF, Defaults
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse, NamedLakehouses, named_lakehouse, write_named
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.notebook_sessions import NotebookSessions
from fabric_livy_magic.settings import SessionSpec, Target


def with_defaults(
    account: Account,
    target: Target,
    spec: SessionSpec,
    defaults: Defaults,
    chosen_lakehouse: NamedLakehouse | None = None,
) -> tuple[SessionSpec, list[str]]:
    """The request with what the notebook's file adds, and lines that say so. Conf keys of ours go to an embedded Fabric alone:
    for Fabric they are unknown keys, which cost the starter pool."""
    lines = [defaults.problem] if defaults.problem else []
    if account.is_local(target):
        lakehouses = {LAKEHOUSES_CONF: named} if (named := _named(defaults.lakehouses, chosen_lakehouse)) else {}
        return replace(spec, conf={**defaults.local_conf, **lakehouses, **spec.conf}), lines
    if target.is_fabric_api and defaults.environment_id and ENVIRONMENT_CONF not in spec.conf:
        lines.append(f"Environment: {defaults.environment_id}, the notebook's own")
        spec = replace(spec, conf={**spec.conf, ENVIRONMENT_CONF: environment_details(defaults.environment_id)})
    return spec, lines


def _named(of_file: NamedLakehouses, chosen: NamedLakehouse | None) -> str:
    """What the notebook's file names stays there where `%%configure` chose another default lakehouse. Empty for none at all."""
    if chosen is not None:
        of_file = NamedLakehouses(chosen, tuple(filter(None, (of_file.default, *of_file.known))))
    return write_named(of_file) if of_file.default or of_file.known else ""


def configure(account: Account, sessions: NotebookSessions, requested: Configuration) -> list[str]:
    """Makes them the choices for the next sessions. Lines on those that are in no request of the Livy API."""
    lines, spec = [], requested.spec
    if requested.environment:
        spec, line = _with_environment(account, spec, requested.environment)
        lines.append(line)
    if requested.lakehouse:
        lines.append(_choose_lakehouse(account, sessions, requested.lakehouse))
    sessions.spec = spec
    lines += [f"Mount point: {point} on {source}" for source, point in requested.mounts]
    lines += [f"{key} has no effect: the Livy API has no word for it" for key in requested.without_effect]
    return lines


def _with_environment(account: Account, spec: SessionSpec, environment: ItemReference) -> tuple[SessionSpec, str]:
    shown = environment.name or environment.id
    if account.is_local():
        return spec, f"Environment: {shown} has no effect here; its libraries have to be installed in this Python"
    environment_id = environment.id or account.environment_id(environment.name)
    conf = {**spec.conf, ENVIRONMENT_CONF: environment_details(environment_id)}
    return replace(spec, conf=conf), f"Environment: {shown}"


def _choose_lakehouse(account: Account, sessions: NotebookSessions, lakehouse: ItemReference) -> str:
    """The lakehouse is in the address of the Livy API, so it is the target that changes. An embedded Fabric without a workspace
    file has whatever a notebook names."""
    wanted = lakehouse.id or lakehouse.name
    here = account.client().http.base_url
    api = account.api()
    if account.is_local():
        all_of_them = [one for workspace in api.workspaces() for one in api.lakehouses(workspace.id)]
        if len(all_of_them) == 1:
            named = named_lakehouse(lakehouse.name, lakehouse.id, lakehouse.workspace_id)
            if named is None:
                raise SettingsError(f"{wanted!r} is no name of a lakehouse, and no id (a GUID).")
            sessions.default_lakehouse = named
            return f"Default lakehouse: {wanted}"
    workspace_id = ids_in_url(here)[0]
    if lakehouse.workspace_id:
        workspace_id = api.find_workspace(lakehouse.workspace_id).id
    found = api.find_lakehouse(workspace_id, wanted)
    url = livy_url(here.partition("/workspaces/")[0], workspace_id, found.id)
    if url != here:
        if account.target.is_embedded:
            raise SettingsError(
                "An embedded Fabric of the notebook has one lakehouse. `fabric-livy serve` has several."
            )
        account.use(url)
    return f"Default lakehouse: {found.name} ({found.id})"
