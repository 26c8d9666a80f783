"""What the Stability page draws."""
