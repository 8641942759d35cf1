"""A refusal by Entra becomes what happened and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.signin.entra.reasons import MEANINGS, error_codes, explain
from tests.support.entra.model import ERRORS

TAIL = " Trace ID: 5f3c8d6e-0000-0000-0000-000000000000 Correlation ID: 0f0f0f0f-1111-2222-3333-444444444444 Timestamp: 2026-01-01 00:00:00Z"


def refusal(code: int, words: str = "Entra's own words.", error: str = "invalid_grant") -> dict[str, Any]:
    return {"error": error, "error_description": f"AADSTS{code}: {words}{TAIL}", "error_codes": [code]}


@pytest.mark.parametrize(
    ("code", "message", "do"),
    [
        (50076, "multi-factor", "--method browser"),
        (53003, "conditional access blocks", "administrator"),
        (65001, "no consent", "API permissions"),
        (90002, "no such tenant", "config tenant"),
        (700016, "no app with this client id", "config client_id"),
        (7000215, "client secret is wrong", "AZURE_CLIENT_SECRET"),
        (7000222, "client secret has expired", "Make a new one"),
        (700027, "does not know the certificate", "Upload"),
        (700024, "clock", "Set the clock"),
        (500133, "clock", "Set the clock"),
        (700082, "not used for too long", "%livy login"),
        (50173, "revoked", "%livy login"),
        (70043, "fresh sign-in", "%livy login"),
        (70021, "no federated credential", "subject"),
        (7000218, "without a secret", "Allow public client flows"),
        (500011, "does not know the Fabric service", "cloud"),
    ],
)
def test_a_known_refusal_says_what_to_do(code: int, message: str, do: str) -> None:
    text = explain(refusal(code))
    assert message in text
    assert do in text
    assert f"AADSTS{code}" in text


def test_support_gets_the_correlation_id() -> None:
    assert "correlation id 0f0f0f0f-1111-2222-3333-444444444444" in explain(refusal(50076))


def test_an_unknown_refusal_keeps_the_words_of_entra_without_its_tail() -> None:
    text = explain(refusal(12345, "Something quite new."))
    assert text.startswith("Entra refused the sign-in: Something quite new. The earlier sign-in is no longer valid.")
    assert "Timestamp" not in text


def test_of_several_numbers_a_known_one_counts() -> None:
    assert error_codes({"error_codes": [12345, 50076], "error_description": "AADSTS12345: x"}) == [50076, 12345]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "no reason given"),
        ({"error": "access_denied"}, "refused or cancelled"),
        ({"error": "authorization_pending"}, "Nobody entered the code in time"),
        ({"error": "server_error", "error_description": None}, "Try again in a minute"),
        ({"error": "invalid_client", "error_description": "x" * 1000, "error_codes": "nonsense"}, "…"),
    ],
)
def test_an_answer_without_a_number_is_explained_by_its_word(answer: dict[str, Any], message: str) -> None:
    assert message in explain(answer)


@given(
    st.dictionaries(
        st.sampled_from(["error", "error_description", "error_codes", "correlation_id"]),
        st.text() | st.none() | st.lists(st.integers()),
    )
)
def test_any_answer_is_explained_in_one_paragraph(answer: dict[str, Any]) -> None:
    assert explain(answer)


def test_every_refusal_of_the_local_authority_has_a_meaning() -> None:
    wrong_verifier = 501481  # MSAL's own business
    assert set(ERRORS) - set(MEANINGS) == {wrong_verifier}


def test_every_meaning_ends_with_a_sentence() -> None:
    assert all(meaning.endswith((".", ")")) and "  " not in meaning for meaning in MEANINGS.values())
