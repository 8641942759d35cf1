"""`fabric-livy kernel install`: registers the kernels where pip's own registration is not seen. The home of kernel specs."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from fabric_livy_magic.errors import SettingsError

SPECS = Path(__file__).parent / "kernelspec"


def install_kernels(*, user: bool = False, prefix: str | None = None) -> list[Path]:
    """The folders written. Each spec names this Python with its whole path: another `python` may be the first on the PATH."""
    installed = []
    for folder in sorted(SPECS.iterdir()):
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(shutil.copytree(folder, Path(scratch) / folder.name))
            spec = json.loads((copy / "kernel.json").read_text(encoding="utf-8"))
            spec["argv"][0] = sys.executable
            (copy / "kernel.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")
            try:
                where = KernelSpecManager().install_kernel_spec(str(copy), folder.name, user=user, prefix=prefix)
            except OSError as error:
                raise SettingsError(
                    f"The kernel could not be written: {error}. `--user` writes into your own folder, `--sys-prefix` into this Python's."
                ) from error
        installed.append(Path(where))
    return installed
