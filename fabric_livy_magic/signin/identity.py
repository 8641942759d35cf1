"""The account in a token's claims. For display, never for trust."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_livy_magic.signin.tokens import AccessToken, claims


@dataclass(frozen=True)
class Identity:
    """From the claims of a token. `expires_at` is epoch seconds."""

    who: str
    tenant: str
    expires_at: float | None
    scopes: tuple[str, ...]
    audience: str


def identity_of(token: AccessToken) -> Identity:
    token_claims = claims(token.secret)
    who = next(
        (
            str(token_claims[name])
            for name in ("upn", "preferred_username", "unique_name", "name", "app_displayname", "appid", "oid")
            if token_claims.get(name)
        ),
        "unknown",
    )
    roles = token_claims.get("roles") or ()
    scopes = str(token_claims.get("scp") or "").split() or [
        str(role) for role in (roles if isinstance(roles, list) else ())
    ]
    return Identity(
        who, str(token_claims.get("tid") or ""), token.expires_at, tuple(scopes), str(token_claims.get("aud") or "")
    )
