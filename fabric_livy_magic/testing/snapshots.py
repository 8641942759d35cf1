"""Folders of lakehouses: copied in milliseconds, and given to one of the lakehouses that a repository names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import claim
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse
from fabric_livy_magic.notebooks.repository import Repository

NEVER_CHANGED = ".parquet"  # Spark writes each such file once


def copy_snapshot(source: Path, target: Path) -> None:
    """Into the folder `target`, which may be there. Data files are linked: nobody changes them in place."""
    shutil.copytree(source, target, copy_function=_copy, dirs_exist_ok=True, symlinks=True)


def _copy(source: str, target: str) -> None:
    if source.endswith(NEVER_CHANGED) and "Tables" in Path(source).parts:
        try:
            os.link(source, target)
        except OSError:  # another file system
            pass
        else:
            return
    shutil.copy2(source, target)


def default_of(repository: Repository) -> NamedLakehouse | None:
    """The default lakehouse of the repository's notebooks, where they have the same one."""
    named = {(one.name or one.id).casefold(): one for one in repository.default_lakehouses}
    return next(iter(named.values())) if len(named) == 1 else None


def give_root(folder: Path, repository: Repository) -> None:
    """Says whose the folder itself is before a session does, so that each name means the same to all sessions of a test: that of
    the default lakehouse of all notebooks; nobody's, where they have several. Every lakehouse else has a folder below."""
    claim(folder, default_of(repository), repository.root)
