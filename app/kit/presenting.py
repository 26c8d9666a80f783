"""How the presenter's view is asked for, which the server and the pages agree on."""

PARAMETER, ON, OFF = "present", "1", "0"
"""In an address."""

COOKIE = "raglass_present"
"""Says that it is on, until the browser is closed."""

LARGER = 1.25
"""Its type, by that of the usual view."""
