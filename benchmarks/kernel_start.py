"""How soon the Fabric Livy kernel is ready, beside a plain IPython kernel.

    python benchmarks/kernel_start.py [--rounds 15]

Prints the median seconds from the start of the process to the reply to `kernel_info_request`, for `python3` and
`fabric-livy` in turn, and their ratio, which should be at most 1.15. No session is started.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from subprocess import DEVNULL

sys.path.insert(0, str(Path(__file__).parents[1]))

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.support.kernels import kernel_dirs

SPECS = ("python3", "fabric-livy")
TARGET = 1.15


def ready_s(spec: str, folder: Path) -> float:
    specs = KernelSpecManager(kernel_dirs=kernel_dirs() if spec != "python3" else [], ensure_native_kernel=True)
    manager = KernelManager(kernel_name=spec, kernel_spec_manager=specs)
    began = time.perf_counter()
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(folder / "ipython")}, cwd=str(folder), stderr=DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    try:
        request = client.kernel_info()  # it waits in the socket until the kernel is there
        while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != request:
            pass
        return time.perf_counter() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times_s: dict[str, list[float]] = {spec: [] for spec in SPECS}
    with tempfile.TemporaryDirectory() as name:
        for spec in SPECS:  # bytecode and file caches
            ready_s(spec, Path(name))
        for number in range(rounds):
            for spec in SPECS if number % 2 else reversed(SPECS):
                times_s[spec].append(ready_s(spec, Path(name)))
    for spec, taken_s in times_s.items():
        print(f"{spec:<14}{statistics.median(taken_s):6.3f} s (fastest {min(taken_s):.3f} s)")
    plain, ours = (statistics.median(times_s[spec]) for spec in SPECS)
    print(f"ratio {ours / plain:.2f}, target at most {TARGET} ({rounds} rounds, {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
