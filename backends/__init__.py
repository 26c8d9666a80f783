"""What answers a question: a registry of backends, and the backends themselves. No page and no setting is known here."""
