"""Why an answer came out as it did: the use cases, and what was found in words."""
