"""Batches: Spark applications of their own, from a file to their log.

May import: lakehouse, spark, sessions.
Used by others: `Batches` (of `batches`), `Batch` (of `batch`).
"""
