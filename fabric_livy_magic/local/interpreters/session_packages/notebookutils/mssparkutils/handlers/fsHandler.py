from __future__ import annotations

from notebookutils._files import FileInfo, MountPointInfo

__all__ = ["FileInfo", "MountPointInfo"]
