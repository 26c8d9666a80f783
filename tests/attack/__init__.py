"""Attacks on a running dashboard, on this machine alone: `make attack`, or `python -m tests.attack`.

Each tries one thing and says what came back and whether the dashboard held. Those over sockets stand in `wire.py`, those with a browser
in `pages.py`.
"""
