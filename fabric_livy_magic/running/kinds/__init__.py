"""How code of a kind becomes statements, and their outputs become parts: one module a kind.

A kind is a function `run(CellRun) -> CellOutput`; `run_cell.py` has the table of them. `scala_displays` is a part of Scala's.
"""
