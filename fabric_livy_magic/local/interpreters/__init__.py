"""What runs a statement of each kind; one set of interpreters belongs to one REPL.

`session_packages/` is importable in sessions only.

May import: lakehouse, spark.
Used by others: `Engine` (of `engines`), `make_engines` (of `assembly`), `Output` (of `outputs`), `dumps` (of `json_text`).
"""
