"""Traces of other applications on their way in: who may send them, how many, and what is said in return."""
