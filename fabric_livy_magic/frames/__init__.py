"""Frames between Arrow, pandas and polars with Spark's exact types, and their transfer in pieces.

`conversion` goes from one library to another, `transfer` moves a frame by calls of the agent, `livy_json` reads Livy's own SQL
results.

May import: errors, livy.
Used by others: `from_any` and `to_pandas` (of `conversion`), `fetch` and `send` (of `transfer`), `type_name` and `is_table` (of
`livy_json`).
"""
