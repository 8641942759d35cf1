"""Signing in at Entra by MSAL: a person, an application, a machine. `sign_in` has the credentials; the other modules support it."""
