"""What a bad hour may do: every part goes wrong (`python -m tests.withstand.faults`), and kills at any moment (`….kill`)."""
