"""A hook of MkDocs: links of docs/ to the repository's other files, which are not on the site.

With `repo_url` they lead to the repository, without it their text stays. One whose file is missing is a warning, which a strict
build does not take.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

LOG = logging.getLogger("mkdocs.site_links")
LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)#\s]*)(#[^)\s]*)?\)")
ROOT = Path(__file__).parents[2]


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    folder = Path(page.file.abs_src_path).parent
    return rewritten(markdown, folder, Path(config["docs_dir"]), config["repo_url"] or "")


def rewritten(markdown: str, folder: Path, docs: Path, repository: str) -> str:
    def replaced(found: re.Match[str]) -> str:
        text, link, anchor = found[1], found[2], found[3] or ""
        target = Path(os.path.normpath(folder / link))
        if target.is_relative_to(docs):
            return found[0]
        if not target.exists():
            LOG.warning("%s has a link to %s, which is not there", folder, link)
        place = target.relative_to(ROOT).as_posix()
        return f"[{text}]({repository.rstrip('/')}/blob/main/{place}{anchor})" if repository else text

    return LINK.sub(replaced, markdown)
