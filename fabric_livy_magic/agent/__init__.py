"""The agent, Python that runs cells inside the Spark session, and the client that calls it.

`client` installs it with a session's first PySpark or SQL cell. The files in `remote/` run there: Python 3.8, and no import from
this package. An operation is a function in `remote/agent/`, listed in `OPERATIONS` of its `__init__`.

May import: errors, livy.
Used by others: `Agent`, `Reply`, `read_call` and `literal` (of `client`).
"""
