"""Apache Livy's bugs, for `serve --quirks`, so that clients can be tested against them.

Only loaded with that option. Where possible a bug has the same cause as in Livy, so that its other effects are the same, too.
"""
