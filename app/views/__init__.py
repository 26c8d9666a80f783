"""What pages are made of: each view draws one thing."""
