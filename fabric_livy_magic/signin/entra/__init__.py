"""Signing in at Entra by MSAL: a person, an application, a machine. `sign_in` is the way in; the rest serves it."""
