"""Completions at the cursor, and descriptions of the name there.

A module for each kind of text: `magic_lines`, `sql`, `code`. Never starts a session, never waits long.

May import: errors, own_imports, settings, cells, sessions.
Used by others: `complete` and `inspect` (of `complete`), `matcher_of` (of `ipython`).
"""
