"""Which processes come from a test: all that inherited a marker in their environment. Linux only (/proc)."""

from __future__ import annotations

import time
from pathlib import Path

MARK = "TEST_RUN_MARK"  # not FABRIC_LIVY_…: the embedded Fabric keeps those from its sessions


def marked(mark: str) -> dict[int, str]:
    """Process id → command line of every live process with this mark."""
    found = {}
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            alive = "\nState:\tZ" not in (folder / "status").read_text()
            if alive and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
                )
        except OSError:
            continue  # it ended while we looked
    return found


def left_after(mark: str, within_s: float) -> dict[int, str]:
    """The marked processes that are still there after at most `within_s`; empty as soon as none is."""
    until = time.monotonic() + within_s
    while (left := marked(mark)) and time.monotonic() < until:
        time.sleep(0.2)
    return left
