"""Entra's errors: AADSTS number → what happened and what to do next. Pure: no I/O.

Numbers and meanings: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

AGAIN = "Sign in again: `%livy login`."
_MFA = "The organisation asks for more than a password here (multi-factor authentication or a conditional-access rule)."
_IN_BROWSER = "Sign in with a browser, where that can be answered: `%livy login --method browser`."
_CLOCK = (
    "This machine's clock and Entra's differ, so the signed statement of this sign-in is not valid now. "
    "Set the clock (time and time zone; `timedatectl set-ntp true` on Linux), then try again."
)
_ASK_ADMIN = "Ask an administrator of the tenant"
_CERTIFICATE = (
    "Entra does not know the certificate that signed, or it is expired there. "
    "Upload its public part at the app registration (Certificates & secrets), or give the file that belongs to it. "
    "For subject-name/issuer sign-in add `--send-chain`."
)
_FEDERATED = (
    "Entra knows no federated credential of this app for the token that was presented. Compare its issuer, subject and "
    "audience (app registration → Certificates & secrets → Federated credentials) with the workload's: for GitHub the "
    "subject names repository and branch, tag or environment."
)
_BLOCKED = f"The organisation's conditional access blocks this sign-in. {_ASK_ADMIN} which rule applies; a device that it manages, or its network, often helps."
_EXPIRED = f"The earlier sign-in is no longer valid. {AGAIN}"
_PERMISSIONS = "Lakehouse.Execute.All, Lakehouse.Read.All, Code.AccessFabric.All, Code.AccessStorage.All"

MEANINGS: Mapping[int, str] = {
    50001: "The Fabric service is not known or is disabled in this tenant. Check tenant and cloud (`%livy config tenant`, `%livy config authority_host`).",
    50011: "The app registration does not allow this redirect address. Add the platform “Mobile and desktop applications” with http://localhost to it.",
    50020: "The account does not exist in this tenant and is no guest there. Name the right tenant: `%livy login --tenant …`.",
    50034: "The account does not exist in this tenant. Check the user name, or name the right tenant: `%livy login --tenant …`.",
    50053: "The account is locked after too many attempts, or the sign-in came from a blocked address. Wait, or ask an administrator.",
    50055: "The password has expired. Change it at the organisation's sign-in page, then sign in again: `%livy login`.",
    50057: f"The account is disabled. {_ASK_ADMIN} of it.",
    50058: f"Nobody is signed in any more. {AGAIN}",
    50059: "Entra could not tell the tenant. Name it: `%livy login --tenant …`.",
    50072: f"{_MFA} {_IN_BROWSER}",
    50074: f"{_MFA} {_IN_BROWSER}",
    50076: f"{_MFA} {_IN_BROWSER}",
    50078: f"{_MFA} The last one is too long ago. {_IN_BROWSER}",
    50079: f"{_MFA} {_IN_BROWSER}",
    50097: f"The organisation asks for a device that it knows. {_IN_BROWSER}",
    50105: f"The account is not assigned to this app. {_ASK_ADMIN} to assign it (Enterprise applications → Users and groups).",
    50126: "User name or password is wrong. Sign in again: `%livy login`.",
    50131: _BLOCKED,
    50132: _EXPIRED,
    50133: _EXPIRED,
    50158: f"{_MFA} {_IN_BROWSER}",
    50173: f"The sign-in was revoked, for instance by a change of password. {AGAIN}",
    50194: "The app is registered for one tenant only. Name that tenant: `%livy login --tenant …`.",
    53000: _BLOCKED,
    53001: _BLOCKED,
    53003: _BLOCKED,
    54005: f"This sign-in was used already. {AGAIN}",
    65001: f"The app has no consent to act for this account. Sign in once with a browser and agree, or ask an administrator to grant it (app registration → API permissions: {_PERMISSIONS}).",
    65004: f"The consent was declined. {AGAIN} Agree there, or use another app: `--client-id`.",
    65005: f"The app registration does not list the permissions that are asked for. Add them: {_PERMISSIONS}.",
    70008: _EXPIRED,
    70011: f"The app may not ask for these permissions. Its registration needs: {_PERMISSIONS}.",
    70016: "Nobody entered the code in time. Ask for a new one: `%livy login --method device`.",
    70018: f"The sign-in was declined. {AGAIN}",
    70019: "The code has expired. Ask for a new one: `%livy login --method device`.",
    70020: "The code has expired. Ask for a new one: `%livy login --method device`.",
    70021: _FEDERATED,
    70025: _FEDERATED,
    70043: f"The organisation asks for a fresh sign-in from time to time. {AGAIN}",
    90002: "There is no such tenant in this cloud. Check the tenant id or domain (`%livy config tenant`) and the cloud (`%livy config authority_host`).",
    90014: "The request to Entra lacked a field. Check the sign-in settings: `%livy config`.",
    90033: "Entra has a passing problem. Try again in a minute.",
    90036: "Entra has a passing problem. Try again in a minute.",
    90072: "The account is of another tenant and is no guest in this one. Name its own tenant: `%livy login --tenant …`.",
    90094: f"An administrator has to consent to this app. {_ASK_ADMIN} to grant it, or use another app: `--client-id`.",
    90095: f"An administrator has to consent to this app. {_ASK_ADMIN} to grant it, or use another app: `--client-id`.",
    500011: "The tenant does not know the Fabric service under this address. Check the cloud: `%livy config api_url`, `%livy config authority_host`.",
    500113: "The app registration has no redirect address. Add the platform “Mobile and desktop applications” with http://localhost to it.",
    500133: _CLOCK,
    530032: _BLOCKED,
    530035: _BLOCKED,
    650052: f"The organisation has no Fabric, or has not enabled it for this app. {_ASK_ADMIN}.",
    650056: f"The app registration is not set up for Fabric. Add its API permissions: {_PERMISSIONS}.",
    650057: f"The app registration does not list Fabric among its API permissions. Add them: {_PERMISSIONS}.",
    700003: f"The device is not known any more. {_IN_BROWSER}",
    700016: "There is no app with this client id in the tenant. Check client id (`%livy config client_id`) and tenant (`%livy config tenant`).",
    700024: _CLOCK,
    700025: "The app is a public client, which takes no secret or certificate. Use `--method browser`, or another app registration.",
    700027: _CERTIFICATE,
    700082: f"The earlier sign-in was not used for too long. {AGAIN}",
    700084: _EXPIRED,
    700211: _FEDERATED,
    700212: _FEDERATED,
    700213: _FEDERATED,
    700223: _FEDERATED,
    900023: "This is no tenant id and no domain. Check it: `%livy config tenant`.",
    7000112: f"The app is disabled. {_ASK_ADMIN}.",
    7000215: "The client secret is wrong. Take the secret's value, not its id (app registration → Certificates & secrets), and put it into AZURE_CLIENT_SECRET.",
    7000218: "The app does not allow sign-in without a secret. Switch on “Allow public client flows” at its registration (Authentication), or use `--method secret`.",
    7000222: "The client secret has expired. Make a new one (app registration → Certificates & secrets) and put it into AZURE_CLIENT_SECRET.",
}  # fmt: skip

# By OAuth's error code, where no AADSTS number is known.
_BY_ERROR: Mapping[str, str] = {
    "access_denied": f"The sign-in was refused or cancelled. {AGAIN}",
    "authorization_declined": f"The sign-in was declined. {AGAIN}",
    "authorization_pending": MEANINGS[70016],
    "expired_token": MEANINGS[70020],
    "interaction_required": f"{_MFA} {_IN_BROWSER}",
    "invalid_client": "Entra does not accept the app's secret, certificate or token. Check them, and the client id: `%livy config client_id`.",
    "invalid_grant": _EXPIRED,
    "login_required": f"Nobody is signed in any more. {AGAIN}",
    "temporarily_unavailable": "Entra has a passing problem. Try again in a minute.",
    "server_error": "Entra has a passing problem. Try again in a minute.",
    "slow_down": MEANINGS[70016],
    "unauthorized_client": "The app may not sign in this way. Check its registration and the client id: `%livy config client_id`.",
}

_NUMBER = re.compile(r"AADSTS(\d{4,8})")
_REFERENCE = re.compile(r"Correlation ID:\s*([0-9a-fA-F-]{36})")
_TAIL = re.compile(r"(Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
MOST_CHARACTERS = 300


def error_codes(answer: Mapping[str, Any]) -> list[int]:
    """The AADSTS numbers of a refusal, those with a known meaning first."""
    in_list = answer.get("error_codes")
    numbers = [one for one in in_list if isinstance(one, int)] if isinstance(in_list, list) else []
    in_description = [int(one) for one in _NUMBER.findall(str(answer.get("error_description") or ""))]
    found = list(dict.fromkeys([*in_description, *numbers]))
    return sorted(found, key=lambda number: number not in MEANINGS)


def explain(answer: Mapping[str, Any]) -> str:
    """What a refusal (MSAL's error dictionary) means and what to do next, as one paragraph.

    Contains Entra's own description where no meaning is known, and always the number and correlation id, which support needs.
    """
    found = error_codes(answer)
    error = str(answer.get("error") or "")
    description = str(answer.get("error_description") or "")
    meaning = MEANINGS.get(found[0]) if found else None
    if meaning is None:
        # Entra's description says more than OAuth's error code, whose meaning says what to do.
        words = _NUMBER.sub("", _TAIL.sub("", description)).strip(" :\r\n")
        words = words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "…"
        refusal = f"Entra refused the sign-in: {words or error or 'no reason given'}"
        meaning = " ".join(
            [refusal if refusal.endswith((".", "…")) else refusal + ".", *filter(None, [_BY_ERROR.get(error)])]
        )
    reference = _REFERENCE.search(description)
    correlation = str(answer.get("correlation_id") or (reference.group(1) if reference else ""))
    details = [f"AADSTS{found[0]}" if found else error, f"correlation id {correlation}" if correlation else ""]
    details = [one for one in details if one]
    return f"{meaning} ({', '.join(details)})" if details else meaning
