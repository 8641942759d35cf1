"""Types by the names of Microsoft's documentation."""
