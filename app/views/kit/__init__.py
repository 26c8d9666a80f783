"""What all views share: HTML, style, the address, the session's memory, downloads, long work."""
