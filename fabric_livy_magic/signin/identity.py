"""Who a token says is signed in. For showing, never for trust."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_livy_magic.signin.tokens import AccessToken, claims


@dataclass(frozen=True)
class Identity:
    """What a token says of who is signed in. `expires_at` is epoch seconds."""

    who: str
    tenant: str
    expires_at: float | None
    scopes: tuple[str, ...]
    audience: str


def identity_of(token: AccessToken) -> Identity:
    found = claims(token.secret)
    who = next(
        (
            str(found[name])
            for name in ("upn", "preferred_username", "unique_name", "name", "app_displayname", "appid", "oid")
            if found.get(name)
        ),
        "unknown",
    )
    roles = found.get("roles") or ()
    scopes = str(found.get("scp") or "").split() or [str(role) for role in (roles if isinstance(roles, list) else ())]
    return Identity(who, str(found.get("tid") or ""), token.expires_at, tuple(scopes), str(found.get("aud") or ""))
