"""What the Compare page draws, and two traces side by side."""
