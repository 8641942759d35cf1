"""Python that runs inside the Spark session. Clients send it there as text; nothing here is imported by them."""
