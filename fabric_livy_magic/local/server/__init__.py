"""The server process: start by a client, tokens, log, announcement, discovery.

`launch` and `discovery` need neither tornado nor pyspark.

May import: lakehouse, faults, sessions, batches.
Used by others: `Server` (of `server`), `Tokens` (of `tokens`), `start_local_fabric` (of `launch`), `begin_log` (of
`server_log`).
"""
