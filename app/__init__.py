"""The frame: settings, use cases, the shell, the router and what all pages share."""
