"""Alerts: what is watched, when it is told, and how."""
