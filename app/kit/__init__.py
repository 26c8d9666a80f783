"""What all capabilities share: words for numbers, plain text, marked text, streams."""
