"""What the Explain page draws."""
