"""Who may come in, who is acting, what they may do, and the note of what they did. Use cases ask here; pages only show it."""
