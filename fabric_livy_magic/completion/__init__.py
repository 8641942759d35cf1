"""What could stand at the cursor, and what the name at the cursor is."""
