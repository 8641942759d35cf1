"""Masks secrets in MSAL's log. At DEBUG level it has authorization codes and device codes; tokens and secrets are masked, too,
in case another version writes them."""

from __future__ import annotations

import logging
import re

_KEYS = (
    "access_token|assertion|client_assertion|client_info|client_secret|code|code_verifier|device_code|id_token|password"
    "|refresh_token|secret|user_code"
)
_IN_MAPPING = re.compile(rf"""((["'])(?:{_KEYS})\2\s*:\s*)b?(["']).*?(?<!\\)\3""")
_IN_QUERY = re.compile(rf"([?&](?:{_KEYS})=)[^&\s\"']+")
_JWT = re.compile(r"eyJ[\w-]{6,2000}\.[\w-]+\.[\w-]*")

# A filter sees only records of its own logger, so each logger gets one.
_LOGGERS = (
    "msal.application",
    "msal.authority",
    "msal.managed_identity",
    "msal.oauth2cli.assertion",
    "msal.oauth2cli.authcode",
    "msal.oauth2cli.oauth2",
    "msal.oauth2cli.oidc",
    "msal.telemetry",
    "msal.token_cache",
    "msal_extensions.persistence",
    "msal_extensions.token_cache",
    "urllib3.connectionpool",
)


def masked(text: str) -> str:
    """`text` with `***` for each secret."""
    text = _IN_MAPPING.sub(r"\1\3***\3", text)
    return _JWT.sub("***", _IN_QUERY.sub(r"\1***", text))


class SecretsFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (shown := masked(message)) != message:
            record.msg, record.args = shown, ()
        return True


def keep_secrets_out_of_logs() -> None:
    """To be called before MSAL is used; idempotent."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, SecretsFilter) for one in logger.filters):
            logger.addFilter(SecretsFilter())
