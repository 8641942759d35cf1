"""The shortcuts of a repository's lakehouses, as links: what is read and written through one is in the folder that it leads to.

As in OneLake, which says of shortcuts that they behave like symbolic links: one that is removed leaves its target as it was.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.notebooks.lakehouses import CommittedLakehouse
from fabric_livy_magic.notebooks.shortcuts import Shortcut

LINKS = ".shortcuts.json"  # in a lakehouse: the links that were made for its shortcuts
LONGEST_CHAIN = 8
STAND_IN = "A folder there stands for it"


class NoTarget(Exception):  # noqa: N818 - the message says where the shortcut leads
    pass


def with_shortcuts(workspaces: Workspaces, workspace_id: str, committed: Sequence[CommittedLakehouse]) -> Workspaces:
    """Links the shortcuts of the lakehouses that the repository has in the workspace. What has no folder on this machine is noted in
    the lakehouse, for those who read it."""
    targets = _Targets(workspaces, workspace_id, committed)
    missing: dict[Path, dict[str, str]] = {}
    for one in committed:
        if lakehouse := targets.by_name(one.name):
            links: dict[str, Path] = {}
            for shortcut in one.shortcuts:
                try:
                    links[shortcut.path] = targets.of(lakehouse, one, shortcut)
                except NoTarget as none:
                    text = f"The shortcut {shortcut.path} of {one.name} leads to {none}, which the embedded Fabric does not have"
                    stand_in = lakehouse.folder / shortcut.path
                    missing.setdefault(lakehouse.folder, {})[shortcut.path] = f"{text}. {STAND_IN}: {stand_in}"
            link_all(lakehouse.folder, links)
    if not missing:
        return workspaces
    noted = tuple(
        replace(
            workspace,
            lakehouses=tuple(
                replace(one, missing_shortcuts=tuple(missing.get(one.folder, {}).items()))
                for one in workspace.lakehouses
            ),
        )
        for workspace in workspaces.all
    )
    return replace(workspaces, all=noted)


@dataclass(frozen=True)
class _Targets:
    workspaces: Workspaces
    workspace_id: str
    committed: Sequence[CommittedLakehouse]

    def by_name(self, name: str) -> Lakehouse | None:
        workspace = self.workspaces.workspace(self.workspace_id)
        lakehouses = workspace.lakehouses if workspace else ()
        return next((one for one in lakehouses if one.name.casefold() == name.casefold()), None)

    def of(
        self, lakehouse: Lakehouse, committed: CommittedLakehouse | None, shortcut: Shortcut, chain: int = 0
    ) -> Path:
        """The folder to which a shortcut leads in the end. Raises NoTarget."""
        if shortcut.outside:
            raise NoTarget(shortcut.outside)
        if chain == LONGEST_CHAIN:
            raise NoTarget("other shortcuts without an end")
        if shortcut.item_id:
            lakehouse, committed = self._found(shortcut)
        for further in committed.shortcuts if committed else ():
            if further is not shortcut and f"{shortcut.target}/".startswith(f"{further.path}/"):
                below = shortcut.target[len(further.path) :].strip("/")
                return self.of(lakehouse, committed, further, chain + 1) / below
        return lakehouse.folder.joinpath(*self._parts(shortcut, lakehouse))

    def _found(self, shortcut: Shortcut) -> tuple[Lakehouse, CommittedLakehouse | None]:
        """By the id in a workspace, or by that in the repository."""
        named = next((one for one in self.committed if one.logical_id == shortcut.item_id), None)
        by_id = (one for workspace in self.workspaces.all for one in workspace.lakehouses if one.id == shortcut.item_id)
        lakehouse = (self.by_name(named.name) if named else None) or next(by_id, None)
        if lakehouse is None:
            raise NoTarget(f"the item {shortcut.item_id}, {shortcut.target}")
        name = lakehouse.name.casefold()
        return lakehouse, named or next((one for one in self.committed if one.name.casefold() == name), None)

    @staticmethod
    def _parts(shortcut: Shortcut, lakehouse: Lakehouse) -> list[str]:
        """A table of a lakehouse that has schemas here, and had none where the shortcut was made, is in the default one."""
        parts = shortcut.target.split("/")
        is_table = parts[0] == "Tables" and len(parts) == 2 and shortcut.path.count("/") == 2
        return [parts[0], lakehouse.default_schema, parts[1]] if is_table and lakehouse.default_schema else parts


def link_all(lakehouse: Path, links: Mapping[str, Path]) -> None:
    """Also takes away those of earlier times. What is no link of this module, and not empty, stays."""
    file = lakehouse / LINKS
    before = _read(file)
    if not (before or links):
        return
    for path in before:
        link = lakehouse / path
        if path not in links and link.is_symlink():
            link.unlink(missing_ok=True)
    made = [path for path, target in links.items() if _link(lakehouse, path, target, is_ours=path in before)]
    if made != before:
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(made), encoding="utf-8")
        draft.replace(file)


def _read(file: Path) -> list[str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [one for one in content if isinstance(one, str)] if isinstance(content, list) else []


def _link(lakehouse: Path, path: str, target: Path, *, is_ours: bool) -> bool:
    """Whether the link is there now. Its target is made where it is not there yet: what is written through the link goes there."""
    link = lakehouse / path
    real = Path(os.path.realpath(target))
    own = Path(os.path.realpath(link.parent)) / link.name
    if own.is_relative_to(real) or real.is_relative_to(own):
        return False  # a folder would hold itself
    target.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not Path(os.path.realpath(link.parent)).is_relative_to(os.path.realpath(lakehouse)):
        return False  # below another shortcut
    if link.is_symlink():
        if link.readlink() == target or not is_ours:
            return is_ours
        link.unlink(missing_ok=True)
    elif link.is_dir():
        with contextlib.suppress(OSError):  # it holds something
            link.rmdir()
    try:
        link.symlink_to(target, target_is_directory=True)
    except FileExistsError:  # a session that starts at the same time was first, or it holds something
        return link.is_symlink()
    return True
