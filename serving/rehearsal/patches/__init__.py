"""What the emulator lacks, added inside its own process. Runs in the emulator's environment: standard library, ministack, boto3.

Each module mends one thing, names the functions that it replaces (`POINTS`) and has an `apply`. They reach into internals of
one exact version, so `python -m serving.rehearsal.patches` first makes sure that every point is there, then starts it.
"""
