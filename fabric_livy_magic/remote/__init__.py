"""Python that runs inside the Spark session. Clients send it there as it stands; nothing here is imported by them."""
