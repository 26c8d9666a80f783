"""What the Status page draws."""
