"""What the Live page draws."""
