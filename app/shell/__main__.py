"""`python -m app.shell`: the same as `raglass`."""

from app.shell.main import main

main()
