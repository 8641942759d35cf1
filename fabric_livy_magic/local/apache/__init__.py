"""Apache Livy's dialect: its paths, views, words and codes.

A route is added in `routes`.

May import: lakehouse, spark, interpreters, sessions, batches, server, web.
Used by others: `make_app` (of `routes`).
"""
