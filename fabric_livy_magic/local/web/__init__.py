"""What both dialects need of HTTP, and the faults injected into answers.

May import: faults, interpreters, sessions, server.
Used by others: `Handler` (of `handler`).
"""
