"""What pages are made of: each view draws one thing and knows no page."""
