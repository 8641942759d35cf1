"""Sessions, their REPLs and statements, from the request to the end.

May import: lakehouse, spark, faults, interpreters.
Used by others: `Sessions` (of `sessions`), `HighConcurrencySessions` and `HighConcurrencySession` (of `high_concurrency`),
`Session` (of `session`), `Repl` (of `repl`), `Statement` (of `statements`), `Capacity`, `NoCapacity` and `FULL` (of
`capacity`), `with_local_files` and `spark_address` (of `dependencies`), `livy_lifetimes` (of `lifetimes`), `notebooks_folder`
(of `notebook_context`), `BatchLog` (of `session_log`).
"""
