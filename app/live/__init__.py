"""The live metrics of the stack that answers: what is chosen, read and told."""
