"""Spark in a process of its own: which Java, which settings, how it is started and talked to, which tables it knows."""
