"""Files that run inside the Spark session. They are sent as text, so each stands alone: Python 3.8, nothing but the
standard library, PySpark and PyArrow."""
