"""Who is asked for a token, by which method, and on which request it may go.

`methods` chooses the sign-in: a method is added there. `entra/` signs in by MSAL, `external_credentials` holds what others
signed in for.

May import: errors, settings, livy.
Used by others: `credential_for`, `Person` and `has_browser` (of `methods`), `Credential` (of `tokens`).
"""
