"""Who is asked for a token, by which method, and on which request it may go.

`methods` chooses the sign-in method: a new method is added there. `entra/` signs in by MSAL, `external_credentials` wraps tokens
of other programs, `request_auth` puts the token on a request.

May import: errors, clouds, own_imports, own_folders, settings, livy.
Used by others: `credential_for`, `UserPrompts` and `has_browser` (of `methods`), `Credential` (of `tokens`).
"""
