"""The server process: start by a client, tokens, certificate, log, announcement, discovery.

`launch` and `discovery` need neither tornado nor pyspark.

May import: lakehouse, spark, faults, sessions, batches.
Used by others: `Server` (of `server`), `OwnToken`, `AuthorityTokens`, `Caller` and `TokenRefused` (of `tokens`),
`start_local_fabric` and `default_lakehouse` (of `launch`), `find_token`, `find_certificates` and `published_token` (of `discovery`), `served_certificate` (of `certificate`),
`Announcement` and `announce` (of `announcement`), `begin_log` and `log_file` (of `server_log`).
"""
