"""Where the Python of a session works: a folder with the lakehouse's `Files` and `Tables` and the notebook's resources, which
notebooks open as `builtin/…` and `./env/…`. It goes with the session, as that of Fabric does.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def enter_working_folder(lakehouse: Path) -> None:
    """Where the process has a session's context. The REPLs of a session share the folder."""
    from notebookutils._context import resources, session_context

    folder = Path(session_context().private, "work")
    folder.mkdir(exist_ok=True)
    links = {name: lakehouse / name for name in ("Files", "Tables")}
    links |= {name: Path(resources(), name) for name in ("builtin", "env")}
    for name, target in links.items():
        with contextlib.suppress(FileExistsError):  # another REPL was first
            (folder / name).symlink_to(target)
    os.chdir(folder)
