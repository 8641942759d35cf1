"""How statements of each kind run, and what they answer. One set of interpreters belongs to one REPL."""
