"""Saves sign-ins between runs: encrypted by the system's keyring; in a plain file only if the settings allow it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msal
import msal_extensions
from platformdirs import user_data_path

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.livy.waiting import result_within
from fabric_livy_magic.own_folders import NO_HOME, own_folder
from fabric_livy_magic.signin.entra.logs import keep_secrets_out_of_logs


@dataclass(frozen=True)
class Account:
    """An account with a saved sign-in that can be renewed without a prompt."""

    username: str
    tenant: str


class TokenStore:
    """A token cache of MSAL. Created by `persistent` or `memory`; safe to use from several threads and processes."""

    def __init__(self, cache: Any, persistence: Any = None, location: Path | None = None) -> None:
        self.cache = cache
        self._persistence = persistence
        self.location = location  # None: in memory only

    def __repr__(self) -> str:
        where = "memory" if self.location is None else str(self.location)
        return f"TokenStore({where}{'' if self.location is None or self.is_encrypted else ', not encrypted'})"

    @property
    def is_encrypted(self) -> bool:
        return bool(getattr(self._persistence, "is_encrypted", False))

    @classmethod
    def memory(cls) -> TokenStore:
        """Lost at the end of this process."""
        return cls(msal.TokenCache())

    @classmethod
    def persistent(cls, name: str, allow_plain: bool = False, folder: Path | None = None) -> TokenStore:
        """Saved between runs. Where there is no keyring: a file that only this user can read, if `allow_plain`, else
        SignInError with the choices. `folder` is this user's data folder by default."""
        keep_secrets_out_of_logs()
        if folder is None:
            try:
                folder = user_data_path(name, appauthor=False)
            except RuntimeError:
                folder = NO_HOME
        location = folder / "sign-in.bin"
        try:
            own_folder(folder)
            persistence = _encrypted_persistence(location)
            if persistence is None and not allow_plain:
                raise SignInError(
                    "This machine has no keyring that could keep the sign-in safe (on Linux: libsecret with PyGObject, and "
                    "a desktop session). Choose: `%livy config sign_in_cache memory` asks you to sign in once per kernel; "
                    f"`%livy config sign_in_cache plain` keeps it unencrypted in {folder}, readable by your user only."
                )
            if persistence is None:
                location = folder / "sign-in.json"
                persistence = msal_extensions.FilePersistence(str(location))
                if location.exists():
                    location.chmod(0o600)  # a file from a backup may have other permissions
            _remove_stale_lock(location.with_name(location.name + ".lockfile"))
            cache = SavedTokenCache(persistence)
        except OSError as error:
            raise _storage_error(location, error) from error
        return cls(cache, persistence, location)

    def accounts(self) -> list[Account]:
        """The accounts whose sign-in can be renewed without a prompt."""
        kinds = msal.TokenCache.CredentialType
        known = list(self.cache.search(kinds.ACCOUNT))
        renewable = {one.get("home_account_id") for one in self.cache.search(kinds.REFRESH_TOKEN)}
        found = []
        for one in known:
            if one.get("home_account_id") in renewable:
                home_tenant = str(one.get("home_account_id") or "").rpartition(".")[2]
                realm = str(one.get("realm") or "")
                found.append(Account(str(one.get("username") or ""), home_tenant if realm in _NO_TENANT else realm))
        return list(dict.fromkeys(found))

    def forget(self) -> None:
        """Remove all sign-ins, also those that other kernels of this user hold in memory.

        The file stays, empty: other kernels read a changed file again, but keep their tokens where it is missing.
        """
        if self._persistence is not None:
            self._clear_file()  # first, so that a file which cannot be read is cleared, too
        kinds = msal.TokenCache.CredentialType
        for kind in (kinds.ACCESS_TOKEN, kinds.REFRESH_TOKEN, kinds.ID_TOKEN, kinds.ACCOUNT, kinds.APP_METADATA):
            for entry in list(self.cache.search(kind)):
                self.cache.modify(kind, entry)

    def _clear_file(self) -> None:
        try:
            self._persistence.save("{}")
        except (OSError, RuntimeError) as error:
            raise _storage_error(self.location, error) from error


KEYRING_WITHIN_S = 60.0
STALE_LOCK_S = 60.0  # a write takes milliseconds
_NO_TENANT = {"", "organizations", "common", "consumers"}


class SavedTokenCache(msal_extensions.PersistedTokenCache):  # type: ignore[misc]  # untyped
    """MSAL's cache, with failures of the storage as SignInError."""

    def search(self, credential_type: Any, **kwargs: Any) -> Any:
        with self._as_sign_in_error():
            return super().search(credential_type, **kwargs)

    def modify(self, credential_type: Any, old_entry: Any, new_key_value_pairs: Any = None) -> None:
        with self._as_sign_in_error():
            super().modify(credential_type, old_entry, new_key_value_pairs)

    @contextlib.contextmanager
    def _as_sign_in_error(self) -> Iterator[None]:
        try:
            yield
        except (
            OSError,
            ValueError,
            RuntimeError,
        ) as error:  # RuntimeError: of libsecret, or a lock that is not released
            raise _storage_error(Path(self._persistence.get_location()), error) from error


def _storage_error(location: Path | None, error: BaseException) -> SignInError:
    message = str(error) if isinstance(error, RuntimeError) else ""
    reason = (getattr(error, "strerror", None) or message or type(error).__name__).rstrip(". ")
    return SignInError(
        f"The kept sign-in at {location} cannot be read or written: {reason}. Delete that file and sign in again, or keep "
        "sign-ins in memory only: `%livy config sign_in_cache memory`."
    )


def _remove_stale_lock(lock: Path) -> None:
    """A kernel that was killed while it wrote leaves its lock file, for which msal_extensions would wait for ever."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - lock.stat().st_mtime > STALE_LOCK_S:
            lock.unlink()


def _encrypted_persistence(location: Path) -> Any:
    """By the system's keyring; None where none works. One that is locked may wait for a person who sits elsewhere."""
    waiting = object()
    try:
        found = result_within(
            lambda: msal_extensions.build_encrypted_persistence(str(location)), KEYRING_WITHIN_S, waiting
        )
    except OSError as error:
        # A file or folder that cannot be written is no missing keyring.
        if not os.access(location.parent, os.W_OK):
            raise error
        return None
    except (ImportError, ValueError, RuntimeError):
        return None  # no PyGObject, no libsecret, or a session without a keyring (SSH)
    if found is waiting:
        raise SignInError(
            f"The keyring of this machine did not answer within {KEYRING_WITHIN_S:.0f} s. Unlock it, then run the cell again; or ask "
            "to sign in once per kernel: `%livy config sign_in_cache memory`."
        )
    return found
