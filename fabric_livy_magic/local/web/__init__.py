"""What both dialects need of HTTP, and the faults injected into answers.

May import: faults, interpreters, sessions, server.
Used by others: `Handler` and `log_refused` (of `handler`), `Refusal` (of `answers`).
"""
