"""What the processes that we start inherit: the environment without what proves who the user is, UTF-8, this package, no
interrupts.

On Fabric a session sees nothing of its user's machine. Here its code may need paths, proxies, certificates and variables of
the user's own, so these pass; the list below names what signs in to Azure, Fabric, a pipeline or Jupyter. What a
session is meant to have comes by `FABRIC_LIVY_SECRETS` and `FABRIC_LIVY_TOKEN_STORAGE` and its kin, through `notebookutils`.
"""

from __future__ import annotations

import contextlib
import ctypes
import locale
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

SECRET_VARIABLES = frozenset(
    {
        # ours: the client's token, the password of an Apache Livy server
        "FABRIC_LIVY_TOKEN",
        "FABRIC_LIVY_PASSWORD",
        # azure-identity's EnvironmentCredential and WorkloadIdentityCredential
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_USERNAME",
        "AZURE_PASSWORD",
        "AZURE_FEDERATED_TOKEN_FILE",
        # Terraform's provider of Azure
        "ARM_CLIENT_SECRET",
        "ARM_CLIENT_CERTIFICATE_PATH",
        "ARM_CLIENT_CERTIFICATE_PASSWORD",
        "ARM_OIDC_TOKEN",
        "ARM_OIDC_REQUEST_TOKEN",
        # managed identity in App Service and the like
        "IDENTITY_HEADER",
        "MSI_SECRET",
        # GitHub Actions
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        # Jupyter, which gives its own token to kernels
        "JUPYTER_TOKEN",
        "JPY_API_TOKEN",
        "JUPYTERHUB_API_TOKEN",
    }
)

# Tokens of Azure Pipelines, with which Maven's settings.xml names a private repository: the server fetches jars from there.
FEED_VARIABLES = frozenset({"SYSTEM_ACCESSTOKEN", "AZURE_DEVOPS_EXT_PAT"})


def started_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """For the processes of sessions and batches."""
    return _without(SECRET_VARIABLES | FEED_VARIABLES, environ)


def server_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """For the embedded Fabric itself."""
    return _without(SECRET_VARIABLES, environ)


def _without(names: frozenset[str], environ: Mapping[str, str] | None) -> dict[str, str]:
    environ = os.environ if environ is None else environ
    inherited = {name: value for name, value in environ.items() if name.upper() not in names}
    if inherited.get("MPLBACKEND", "").startswith("module://"):
        del inherited["MPLBACKEND"]  # a kernel's own, for figures in its IPython, which the session has not
    return in_utf8(inherited, utf8_locale())


# In this order: the first is the same text in all languages, the others are on macOS and in images without it.
UTF8_LOCALES = ("C.UTF-8", "en_US.UTF-8", "UTF-8")


def in_utf8(environ: Mapping[str, str], locale_name: str | None) -> dict[str, str]:
    """As Fabric's sessions are, whatever the locale of the user, of cron or of a container: Java takes the encoding of file
    names and of standard output from it, and Python both and that of `open`, too."""
    kept = {name: value for name, value in environ.items() if name not in {"PYTHONUTF8", "PYTHONIOENCODING"}}
    return {**kept, **({"LC_ALL": locale_name} if locale_name else {}), "PYTHONUTF8": "1"}


@cache
def utf8_locale() -> str | None:
    """The name of one that this machine has; None on Windows, and where there is none. `setlocale` would tell, too, but changes
    the locale of the whole process; a variable that names one does not mean that it is installed."""
    if os.name == "nt":
        return None
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "newlocale"):
        return None
    libc.newlocale.restype, libc.newlocale.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    libc.freelocale.argtypes = (ctypes.c_void_p,)
    # LC_CTYPE_MASK, which C has as a macro: of LC_CTYPE's number, which macOS counts from LC_ALL = 0 on
    mask = 1 << (locale.LC_CTYPE - (1 if sys.platform == "darwin" else 0))
    for name in UTF8_LOCALES:
        if found := libc.newlocale(mask, name.encode(), None):
            libc.freelocale(found)
            return name
    return None


def python_path(environ: Mapping[str, str]) -> list[str]:
    """PYTHONPATH by which a started Python finds this package, too: it may be used from a checkout that is not installed."""
    return [*filter(None, environ.get("PYTHONPATH", "").split(os.pathsep)), str(Path(__file__).parents[1])]


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """For this thread and the process that it starts, from its first moment on: VS Code interrupts a kernel by SIGINT to each of
    its descendants. Windows has no such signals."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
