"""A local Entra: the endpoints that sign-in uses, over TLS with a CA of its own, so that real MSAL can talk to it.

It checks what Entra checks (PKCE, redirect address, secrets, signed assertions, scopes' audience) and answers in Entra's
shapes, errors included. Beside it, over plain http as in Azure: managed-identity endpoints and one like GitHub's OIDC.

    with Authority() as authority:
        app = authority.add_app(secret="…")          # returns the client id
        BrowserSignIn(App(client_id=app, authority_host=authority.url, verify=authority.ca_file), store,
                      open_browser=authority.browser).token()
"""
