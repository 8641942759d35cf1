"""What the processes that we start inherit."""

from __future__ import annotations

import locale
import os
import subprocess
import sys

import pytest

from fabric_livy_magic.started_processes import (
    UTF8_LOCALES,
    in_utf8,
    server_environment,
    started_environment,
    utf8_locale,
)


@pytest.mark.parametrize(
    "of_user",
    [
        {"LC_ALL": "C"},
        {"LANG": "de_DE.ISO-8859-1", "PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "ja_JP.SJIS", "PYTHONUTF8": "0"},
        {},
    ],
)
def test_they_are_in_utf_8_whatever_the_users_locale(of_user: dict[str, str]) -> None:
    environ = in_utf8({**of_user, "OTHER": "x"}, "C.UTF-8")
    assert (environ["LC_ALL"], environ["PYTHONUTF8"], environ["OTHER"]) == ("C.UTF-8", "1", "x")
    assert "PYTHONIOENCODING" not in environ


def test_where_there_is_no_such_locale_the_users_stays() -> None:
    assert in_utf8({"LC_ALL": "C"}, None) == {"LC_ALL": "C", "PYTHONUTF8": "1"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no locales of this kind")
def test_the_locale_is_one_that_this_machine_has() -> None:
    before = locale.setlocale(locale.LC_CTYPE)
    name = utf8_locale()
    assert locale.setlocale(locale.LC_CTYPE) == before
    assert name in UTF8_LOCALES
    code = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.nl_langinfo(locale.CODESET))"
    for environment in (started_environment, server_environment):
        inherited = environment({"PATH": os.environ["PATH"], "LC_ALL": "xx_XX.of-nobody"})
        done = subprocess.run([sys.executable, "-c", code], env=inherited, capture_output=True, text=True, check=True)
        assert done.stdout == "UTF-8\n"


@pytest.mark.parametrize(("backend", "kept"), [("module://matplotlib_inline.backend_inline", None), ("Agg", "Agg")])
def test_the_matplotlib_backend_of_a_kernel_is_not_that_of_its_session(backend: str, kept: str | None) -> None:
    for environment in (started_environment, server_environment):
        assert environment({"MPLBACKEND": backend}).get("MPLBACKEND") == kept
