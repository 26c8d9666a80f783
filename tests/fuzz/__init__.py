"""Generated inputs for whatever reads what comes from outside: only errors that are meant for a person may come of them."""
