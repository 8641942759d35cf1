"""The cache folder of the user: what all servers share and can create again at any time."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("fabric-livy-magic")


def write_atomically(path: Path, data: bytes) -> None:
    """The file has all of the data or does not exist, also when two servers write it at once. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
        os.replace(draft, path)  # noqa: PTH105 - mkstemp returns a text
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)  # noqa: PTH108
        raise
