"""Questions written from the documents, on the Runs page: what to write, and how far that is."""


def show_synthesis() -> None:
    """The form, and the work that goes on."""
