"""The Livy REST client: an endpoint is a method of `client`; send, wait, do things exactly once.

`http` sends one request, within the limit of `rate`, and retries it by `retries`; `client` has one method per endpoint and
never waits: a new endpoint goes there. `waiting` has the only sleep; `submission` and `creation` make a POST take effect once;
`statements` and `sessions` wait for the result; `batches` has all of that of a batch, and `batch_logs` its log.

May import: errors, settings.
Used by others: `LivyClient` (of `client`), `LivyHttp` (of `http`), `StandardSession` (of `sessions`), the API's JSON as
dataclasses (of `models`), `Listener` and `cancel_statement` (of `statements`), `waiting`.
"""
