"""Credentials whose sign-in happened elsewhere: a token, the Azure CLI, a Fabric notebook, a TokenCredential."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import SettingsError, SignInError
from fabric_livy_magic.livy.waiting import result_within
from fabric_livy_magic.own_folders import home_folder
from fabric_livy_magic.own_imports import no_working_folder, working_folder
from fabric_livy_magic.signin.tokens import FABRIC, STORAGE, AccessToken, claims, expiry, scopes_for

TOKEN_VARIABLE = "FABRIC_LIVY_TOKEN"  # noqa: S105 - the name of a variable
AZ_TIMEOUT_S = 30.0
NOTEBOOKUTILS_TIMEOUT_S = 60.0
CREDENTIAL_TIMEOUT_S = 600.0  # one may open a browser, and azure-identity waits 300 s for a person there
MOST_OUTPUT_BYTES = 1024 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")


class StaticToken:
    """A token from elsewhere, one for each audience. It cannot be renewed."""

    def __init__(self, secret: str, *, storage: str | None = None, is_entra: bool = False) -> None:
        self.is_entra = is_entra
        self._secrets = {FABRIC: _without_bearer(secret), STORAGE: _without_bearer(storage) if storage else ""}

    def __repr__(self) -> str:
        return "GivenToken(…)"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        secret = self._secrets[audience]
        if audience == STORAGE and not secret:
            raise SignInError("The token that was given is for Fabric, not for OneLake. Sign in with `%livy login`.")
        # Checked here, as an error of the HTTP library would quote the token.
        if not _TOKEN.fullmatch(secret):
            raise SignInError(
                "What was given as a token is none: it is empty, or has a space, a line break or another character that "
                f"no token has. Copy it again, in one piece, into {TOKEN_VARIABLE}."
            )
        if renew:
            raise SignInError(
                "The token that was given was refused: it has expired or is meant for another service. Put a new one into "
                f"{TOKEN_VARIABLE}, or sign in with `%livy login`."
            )
        return AccessToken(secret, expiry(secret))


def _without_bearer(text: str) -> str:
    return text.strip().removeprefix("Bearer ").strip()


class AzureCli:
    """The account of `az login`. `resource` replaces the public cloud's Fabric."""

    is_entra = True

    def __init__(self, tenant: str = "", resource: str = "", timeout_s: float = AZ_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._tenant = tenant
        self._resource = resource

    def __repr__(self) -> str:
        return "AzureCli()"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        az = program("az")
        if az is None:
            raise SignInError(
                "The Azure CLI (az) is not installed or not on the PATH. Sign in with `%livy login --method browser` or `device`."
            )
        scope = scopes_for(audience, delegated=False, resource=self._resource if audience == FABRIC else "")[0]
        command = [str(az), "account", "get-access-token", "--scope", scope, "--output", "json"]
        if self._tenant:
            command += ["--tenant", self._tenant]
        try:
            code, output, errors = _run(command, az.parent, self._timeout_s)
        except subprocess.TimeoutExpired as error:
            raise SignInError(
                f"The Azure CLI did not answer within {self._timeout_s:.0f} s, and was ended. See what it waits for: run "
                "`az account get-access-token` in a terminal."
            ) from error
        except OSError as error:
            raise SignInError(
                f"The Azure CLI could not be run ({type(error).__name__}). Run `az login` in a terminal."
            ) from error
        if code != 0:
            message = (errors.strip().splitlines() or ["no reason given"])[0].removeprefix("ERROR: ")
            raise SignInError(f"The Azure CLI has no sign-in: {message.rstrip('.')}. Run `az login` in a terminal.")
        try:
            answer = json.loads(output)
            secret = str(answer["accessToken"])
        except (ValueError, KeyError, TypeError) as error:
            raise SignInError(
                "The Azure CLI's answer could not be read. Update it (`az upgrade`), then run `az login`."
            ) from error
        return AccessToken(secret, expiry(secret) or _seconds(answer.get("expires_on")))


def _run(command: list[str], folder: Path, timeout_s: float) -> tuple[int, str, str]:
    """(exit code, output, errors). `az` is a script that starts Python: after the time-out both are ended. Its output goes into
    files, as the end of a pipe comes only with the last process that holds it."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            # `az` is Python with `-m`, which looks for modules in the current folder first: that of a repository.
            cwd=folder,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
        try:
            process.wait(timeout_s)
        except BaseException:
            _end_with_children(process)
            raise
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read(MOST_OUTPUT_BYTES).decode("utf-8", "replace"))
        return process.returncode, texts[0], texts[1]


def _end_with_children(process: subprocess.Popen[bytes]) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    process.kill()
    process.wait()


def _answer_within(timeout_s: float, call: Callable[[], Any], name: str) -> Any:
    """For code of others that says no time-out. It may go on in its thread; what it gives then is dropped."""
    waiting = object()
    if (answer := result_within(call, timeout_s, waiting)) is waiting:
        raise SignInError(
            f"{name} gave no token within {timeout_s:.0f} s, and is not waited for any longer. Run the cell again, or sign in "
            "another way: `%livy login`."
        )
    return answer


def program(
    name: str, path: str | None = None, *, is_windows: bool = os.name == "nt", endings: str | None = None
) -> Path | None:
    """The program of that name in the folders of PATH. Not in the current folder, where `shutil.which` looks first on Windows,
    and where a relative folder of PATH leads."""
    path = os.environ.get("PATH", "") if path is None else path
    endings = os.environ.get("PATHEXT", ".EXE;.BAT;.CMD") if endings is None else endings
    names = [name + ending.lower() for ending in endings.split(";")] if is_windows else [name]
    for folder in filter(os.path.isabs, path.split(";" if is_windows else ":")):
        for candidate in (Path(folder) / one for one in names):
            if candidate.is_file() and os.access(candidate, os.X_OK):
                return candidate
    return None


def _seconds(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


class FabricNotebook:
    """The person or pipeline that a notebook inside Fabric runs as, by `notebookutils`."""

    is_entra = True

    def __repr__(self) -> str:
        return "FabricNotebook()"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        if not is_inside_fabric():
            raise SignInError("This is not a notebook inside Fabric. Sign in with `%livy login`.")
        try:
            with no_working_folder():
                notebookutils = importlib.import_module("notebookutils")
            wanted = "pbi" if audience == FABRIC else "storage"
            secret = _answer_within(
                NOTEBOOKUTILS_TIMEOUT_S, lambda: notebookutils.credentials.getToken(wanted), "notebookutils"
            )
        except SignInError:
            raise
        except ImportError as error:
            raise SignInError(
                "This notebook inside Fabric has no `notebookutils`. Sign in with `%livy login`."
            ) from error
        except Exception as error:  # third-party code may raise anything
            raise SignInError(f"notebookutils gave no token: {type(error).__name__}: {error}") from error
        if not isinstance(secret, str) or not _TOKEN.fullmatch(secret) or not claims(secret):
            raise SignInError("notebookutils gave something that is no token. Sign in with `%livy login`.")
        return AccessToken(secret, expiry(secret))


# Of Fabric's Spark runtime, made by the service; Microsoft's own SynapseML and fabric-analytics-sdk tell it by this file.
SPARK_CONTEXT_FILE = Path("/home/trusted-service-user/.trident-context")


def is_inside_fabric(
    environ: Mapping[str, str] | None = None, context_file: Path = SPARK_CONTEXT_FILE, home: Path | None = None
) -> bool:
    """Whether this process is one of Fabric's notebook runtimes: of Spark, or of Python alone. That a module `notebookutils` can
    be imported says nothing: PyPI has a dummy of that name, and a folder may have a file."""
    environ = os.environ if environ is None else environ
    if context_file.is_file():
        return True
    is_python_runtime = environ.get("MSNOTEBOOKUTILS_RUNTIME_TYPE", "").lower() == "jupyter"
    return is_python_runtime and ((home or home_folder()) / context_file.name).is_file()


class TokenCredential:
    """An azure.core TokenCredential, as an object or by its dotted path, such as `azure.identity:DefaultAzureCredential`."""

    is_entra = True

    def __init__(self, credential: Any, resource: str = "", timeout_s: float = CREDENTIAL_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._credential = credential
        self._resource = resource

    def __repr__(self) -> str:
        return f"TokenCredential({type(self._credential).__name__})"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        scope = scopes_for(audience, delegated=False, resource=self._resource if audience == FABRIC else "")[0]
        try:
            with (
                working_folder()
            ):  # an object of the user's own, or one of installed packages, which have loaded by now
                found = _answer_within(
                    self._timeout_s, lambda: self._credential.get_token(scope), type(self._credential).__name__
                )
        except SignInError:
            raise
        except Exception as error:  # third-party code may raise anything
            raise SignInError(
                f"{type(self._credential).__name__} gave no token: {type(error).__name__}: {error}"
            ) from error
        return AccessToken(str(found.token), float(found.expires_on))

    @classmethod
    def from_path(cls, path: str, resource: str = "", *, from_working_folder: bool = False) -> TokenCredential:
        """`from_working_folder`: also a module that lies in the current folder, which may be a repository of anybody."""
        module_name, _, name = path.replace(":", ".").rpartition(".")
        try:
            with working_folder() if from_working_folder else no_working_folder():
                target = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise SettingsError(
                f"method {path!r} is no sign-in method and no importable TokenCredential: {error}"
            ) from error
        credential = target() if isinstance(target, type) else target
        if not hasattr(credential, "get_token"):
            raise SettingsError(f"method {path!r} names something without get_token(scope).")
        return cls(credential, resource)
