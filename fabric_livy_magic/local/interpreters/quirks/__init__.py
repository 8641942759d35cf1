"""Apache Livy's own bugs, for `serve --quirks`: clients can be tested against what they meet on a real Livy.

Nothing of it is loaded without that option. Where it can, a bug comes about the way it does in Livy, so that what nobody
listed goes wrong in the same way too.
"""
