"""A group of commands whose help lists each with its whole first sentence."""

import click

LONGEST = 400
"""More characters than any first sentence has."""


class Commands(click.Group):
    """Click's own list cuts a sentence where its line ends; here it goes on in the next."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(LONGEST))
            for name, command in found
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
