"""Faults on demand: the rules, and the file that they are read from.

May import: spark.
Used by others: `Faults` (of `rules`), `read_faults` (of `reading`), `SessionFaultInjector` (of `sessions`).
"""
