from __future__ import annotations

from notebookutils._errors import NotebookExit, RunMultipleFailedException

__all__ = ["NotebookExit", "RunMultipleFailedException"]
