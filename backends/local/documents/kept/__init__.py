"""What a data folder keeps of documents: their library, the sources that are followed, what was sent and waits."""
