"""Frames between Arrow, pandas and polars with Spark's exact types, and their transfer in pieces.

`conversion` goes from one library to another, by `arrow_types`, where a new type of Spark is added; `transfer` moves a frame by
calls of the agent, `livy_json` reads Livy's own SQL results.

May import: errors, livy.
Used by others: `to_arrow` and `to_pandas` (of `conversion`), `fetch` and `send` (of `transfer`), `type_name` and `is_table` (of
`livy_json`).
"""
