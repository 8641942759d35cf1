"""The agent: `client` calls it from here; `remote/` holds the files that run in the Spark session.

A session gets it with its first PySpark or SQL cell. `remote/` is Python 3.8 and imports nothing of this package.

May import: errors, livy.
Used by others: `Agent`, `Reply`, `read_call` and `literal` (of `client`).
"""
