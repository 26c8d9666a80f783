"""The shell: `raglass` and its commands, a file a group. The only place that knows click."""
