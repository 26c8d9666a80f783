"""What the Traces page draws, and one trace wherever it is shown."""
