"""Sessions, their REPLs and statements, from the request to the end.

May import: lakehouse, spark, faults, interpreters.
Used by others: `Sessions` (of `sessions`), `Session` (of `session`), `Repl` (of `repl`), `Statement` (of `statements`),
`Capacity` (of `capacity`).
"""
