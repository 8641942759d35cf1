"""A file goes to OneLake and back through connections that break: memory, time, checksum.

    python benchmarks/files.py                  1 GiB, with 20 resets, on the embedded Fabric's OneLake
    python benchmarks/files.py --mib 256 --resets 0 --sdk

`--sdk` has Microsoft's azure-storage-file-datalake do the same, in a process of its own (it is part of the `test` extra).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

MIB = 1024 * 1024
FAULTS = """
seed = 7
[[requests]]
method = ["PATCH", "GET"]
path = "/onelake/**"
after = 2
share = 0.2
times = {half}
connection = "reset"

[[requests]]
method = ["PATCH", "GET"]
path = "/onelake/**"
after = 2
share = 0.2
times = {half}
after_work = true
connection = "reset"
"""


def peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024


def write_file(file: Path, mib: int) -> str:
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for _ in range(mib):
            part = os.urandom(MIB)
            digest.update(part)
            out.write(part)
    return digest.hexdigest()


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class Breaks(logging.Handler):
    """Counts the requests that got no answer."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "no answer" in record.getMessage()


def ours(root: str, workspace: str, lakehouse: str, token: str, folder: Path) -> dict[str, Any]:
    from fabric_livy_magic.fabric.onelake import OneLake
    from fabric_livy_magic.livy.http import LivyHttp
    from fabric_livy_magic.livy.rate import RateLimiter
    from fabric_livy_magic.signin.external_credentials import StaticToken
    from fabric_livy_magic.signin.request_auth import BearerAuth

    breaks = Breaks()
    log = logging.getLogger("fabric_livy_magic.livy.request_log")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(breaks)
    http = LivyHttp(root, BearerAuth(StaticToken(token)), rate_limiter=RateLimiter(None))
    onelake = OneLake(http, workspace, lakehouse)
    onelake.list("Files")  # loads what a first call loads
    base, began = peak_mib(), time.monotonic()
    onelake.upload(folder / "file", "Files/ours")
    up, began = time.monotonic() - began, time.monotonic()
    onelake.download("Files/ours", folder / "back")
    return {"up_s": up, "down_s": time.monotonic() - began, "memory_mib": peak_mib() - base, "resets": breaks.count}


def sdk(root: str, workspace: str, lakehouse: str, token: str, folder: Path) -> dict[str, Any]:
    from azure.storage.filedatalake import DataLakeServiceClient

    def with_token(request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {token}"

    with DataLakeServiceClient(root, raw_request_hook=with_token) as client:
        system = client.get_file_system_client(workspace)
        list(system.get_paths(f"{lakehouse}/Files", recursive=False))
        file = system.get_file_client(f"{lakehouse}/Files/sdk")
        base, began = peak_mib(), time.monotonic()
        with (folder / "file").open("rb") as content:
            file.upload_data(content, overwrite=True, max_concurrency=4, chunk_size=4 * MIB)
        up, began = time.monotonic() - began, time.monotonic()
        with (folder / "back").open("wb") as out:
            file.download_file(max_concurrency=4).readinto(out)
    return {"up_s": up, "down_s": time.monotonic() - began, "memory_mib": peak_mib() - base}


def measure(which: str, mib: int, resets: int) -> dict[str, Any]:
    from fabric_livy_magic.fabric.targets import ids_in_url
    from tests.support import service

    with tempfile.TemporaryDirectory(prefix="fabric-livy-files-") as name:
        folder = Path(name)
        expected = write_file(folder / "file", mib)
        faults = folder / "faults.toml"
        faults.write_text(FAULTS.format(half=max(1, resets // 2)), encoding="utf-8")
        options = ["--faults", str(faults)] if resets else []
        with service.serving(folder / "lake", ("--token", service.TOKEN, *options)) as api:
            root = str(api.ready["api_url"]).removesuffix("/v1") + "/onelake"
            words = [__file__, "--child", which, root, *ids_in_url(api.base), service.TOKEN, name]
            done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return {"by": which, "mib": mib, "is_equal": sha256_of(folder / "back") == expected, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--resets", type=int, default=20)
    parser.add_argument("--sdk", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        which, *rest, folder = options.child
        print(json.dumps({"ours": ours, "sdk": sdk}[which](*rest, Path(folder))))
        return
    for which in ("ours", "sdk") if options.sdk else ("ours",):
        found = measure(which, options.mib, options.resets)
        if options.json:
            print(json.dumps(found))
            continue
        print(
            f"{which}: {found['mib']} MiB up in {found['up_s']:.1f} s, down in {found['down_s']:.1f} s, "
            f"{found['memory_mib']:.0f} MiB over base, {found.get('resets', '-')} broken connections, "
            f"{'equal' if found['is_equal'] else 'DAMAGED'}"
        )


if __name__ == "__main__":
    main()
