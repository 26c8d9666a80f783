"""What the Overview draws."""
