"""What the Corpus page draws."""
