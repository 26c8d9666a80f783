"""What the Lab page draws: a module a study."""
