"""The kernel specs, and `fabric-livy kernel install`, which registers them where Jupyter does not find those that pip installs."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.paths import SYSTEM_JUPYTER_PATH, jupyter_data_dir

from fabric_livy_magic.errors import SettingsError


def kernel_specs() -> list[Path]:
    """The folders of our kernels, each with its kernel.json: those of the checkout, where the package runs from one (also by an
    editable install), else those that pip installed from the wheel."""
    root = Path(__file__).parents[2]
    if (root / "pyproject.toml").is_file():
        return sorted((root / "kernelspec").iterdir())
    files = importlib.metadata.files("fabric-livy-magic") or ()
    installed = [Path(str(file.locate())).parent for file in files if file.name == "kernel.json"]
    # `pip install --target` moves the files, but does not update its record of them.
    return sorted(filter(Path.is_dir, installed)) or sorted(
        folder for folder in (root / "share" / "jupyter" / "kernels").glob("*") if is_ours(folder)
    )


def is_ours(folder: Path) -> bool:
    """Whether the kernel spec in this folder starts our kernel; the portal's name for its own may be another program's."""
    try:
        return "fabric_livy_magic.kernel" in (folder / "kernel.json").read_text(encoding="utf-8")
    except OSError:
        return False


def install_kernels(*, user: bool = False, prefix: str | None = None) -> tuple[list[Path], list[Path]]:
    """Returns the folders written, and those that were left alone since they hold a kernel that is not ours. Each spec has the
    whole path of this Python: another one may be first on the PATH."""
    root = Path(prefix, "share", "jupyter") if prefix else Path(jupyter_data_dir() if user else SYSTEM_JUPYTER_PATH[0])
    installed, left_alone = [], []
    for folder in kernel_specs():
        if (present := root / "kernels" / folder.name / "kernel.json").exists() and not is_ours(present.parent):
            left_alone.append(present.parent)
            continue
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
    return installed, left_alone
