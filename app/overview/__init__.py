"""The Overview: whether all is well, what was asked, where the time goes, and what needs a look."""
