"""Whether every part is ready, which versions are installed, what is set."""
