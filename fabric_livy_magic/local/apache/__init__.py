"""Apache Livy's dialect: its paths, views, words and codes."""
