"""Fabric's dialect: the Livy API of a lakehouse, and the look-ups beside it.

A route is added in `routes`.

May import: lakehouse, spark, interpreters, sessions, batches, server, web.
Used by others: `make_app` (of `routes`).
"""
