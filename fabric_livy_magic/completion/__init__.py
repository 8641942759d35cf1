"""What could stand at the cursor, and what the name at the cursor is.

Never starts a session, never waits long.

May import: errors, settings, cells, sessions.
Used by others: `complete` and `inspect` (of `complete`), `matcher_of` (of `ipython`).
"""
