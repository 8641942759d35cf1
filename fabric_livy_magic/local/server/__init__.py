"""The server process: start by a client, tokens, log, announcement, discovery.

`launch` and `discovery` need neither tornado nor pyspark.

May import: lakehouse, faults, sessions, batches.
Used by others: `Server` (of `server`), `OwnToken`, `AuthorityTokens`, `Caller` and `TokenRefused` (of `tokens`),
`start_local_fabric` and `default_lakehouse` (of `launch`), `find_token` and `published_token` (of `discovery`),
`Announcement` and `announce` (of `announcement`), `begin_log` and `log_file` (of `server_log`).
"""
