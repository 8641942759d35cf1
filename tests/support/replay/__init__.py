"""Replays the answers of a real Apache Livy against the embedded Fabric: `python -m tests.support.replay --help`.

`tests/payloads/livy/README.md` says what a recorded case is, `differences.toml` beside it which ones differ and why.
`normal` makes answers comparable, `target` speaks to a server, `statements` runs the statement cases.
"""
