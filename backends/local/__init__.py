"""The local backend: everything runs in this process, with no account and no network."""
