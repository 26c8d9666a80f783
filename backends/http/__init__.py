"""Applications behind an HTTP endpoint of their own, as a file describes them, and Python functions: what others built, as backends."""
