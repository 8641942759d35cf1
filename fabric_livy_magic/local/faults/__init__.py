"""Faults on demand, for tests of clients: the file that asks for them, whom they strike, and what sessions then do."""
