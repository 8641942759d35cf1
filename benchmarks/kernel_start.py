"""How long the Fabric Livy kernel takes to be ready, against plain ipykernel: the start of the process to its answer to
`kernel_info`, in turns.

    python benchmarks/kernel_start.py [--rounds 12]

Target: the median at most 1.15 times that of ipykernel.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

import fabric_livy_magic

SPECS = Path(fabric_livy_magic.__file__).parent / "kernelspec"
TARGET = 1.15


def ready_s(name: str, folder: str) -> float:
    manager = KernelManager(
        kernel_name=name, kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(SPECS)], ensure_native_kernel=True)
    )
    began = time.perf_counter()
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": folder}, stdout=-3, stderr=-3)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        return time.perf_counter() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    took: dict[str, list[float]] = {"python3": [], "fabric-livy": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, seconds in took.items():
                one_s = ready_s(name, folder)
                if number:  # the first round fills the file cache
                    seconds.append(one_s)
    plain_s, ours_s = (statistics.median(took[name]) for name in ("python3", "fabric-livy"))
    print(f"ipykernel    {plain_s:6.3f} s  (median of {rounds})")
    print(f"Fabric Livy  {ours_s:6.3f} s")
    print(f"ratio        {ours_s / plain_s:6.2f}    (target: at most {TARGET})")


if __name__ == "__main__":
    main()
