"""Documents added and indexed."""
