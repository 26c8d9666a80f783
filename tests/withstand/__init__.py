"""What a bad hour may do: faults of every part (`python -m tests.withstand.faults`), kills at any moment (`python -m tests.withstand.kill`)."""
