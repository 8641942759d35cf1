"""The cache folder of the user: what all servers share and can create again at any time."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.own_folders import OpenToOthers, check_code_folder, own_folder, user_folder


def cache_folder() -> Path:
    """It need not exist. Raises LocalFabricError where others could have put jars into it, which Java would run."""
    folder = user_folder("cache")
    try:
        check_code_folder(folder)
    except OpenToOthers as problem:
        raise LocalFabricError(
            f"Sessions run Java's code from the cache folder {folder}, and that may be another user's: {problem.filename}: "
            f"{problem.strerror}. Remove the folder, or set XDG_CACHE_HOME to a folder of your own. It is filled anew."
        ) from problem
    return folder


def write_atomically(path: Path, data: bytes) -> None:
    """The file has all of the data or does not exist, also when two servers write it at once. Raises OSError."""
    own_folder(path.parent)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
        os.replace(draft, path)  # noqa: PTH105 - mkstemp returns a text
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)  # noqa: PTH108
        raise
