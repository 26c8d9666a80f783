"""What a deployment did, in words."""
