"""Fabric notebooks as files: both formats read and written, what they need said without running them."""
