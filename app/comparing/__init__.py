"""One question on two sides, and two traces against each other."""
