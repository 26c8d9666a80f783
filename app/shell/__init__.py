"""The shell: `raglass` and its commands, a file each or a group. The only place that knows click."""
