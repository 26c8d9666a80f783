"""What the Ask page draws."""
