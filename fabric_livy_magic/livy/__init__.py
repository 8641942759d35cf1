"""The Livy REST client: an endpoint is a method of `client`; send, wait, do things exactly once.

`http` sends one request, at the pace of `rate` and again by `retries`; `client` has one method an endpoint and never waits;
`waiting` has the only sleep; `submission` and `creation` do a POST once; `statements` and `sessions` follow what runs.

May import: errors, settings.
Used by others: `LivyClient` (of `client`), `LivyHttp` (of `http`), `StandardSession` (of `sessions`), the API's JSON as
dataclasses (of `models`), `Listener` and `cancel_statement` (of `statements`), `waiting`.
"""
