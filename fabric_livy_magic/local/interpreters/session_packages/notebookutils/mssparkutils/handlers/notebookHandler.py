from __future__ import annotations

from notebookutils._errors import NotebookExit, NotebookRunFailed, RunMultipleFailedException

__all__ = ["NotebookExit", "NotebookRunFailed", "RunMultipleFailedException"]
