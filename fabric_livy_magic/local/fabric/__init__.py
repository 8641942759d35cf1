"""Fabric's dialect: the Livy API of a lakehouse, and the look-ups beside it."""
