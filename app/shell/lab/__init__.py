"""`raglass lab`: studies, and what came out of them."""
