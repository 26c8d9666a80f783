"""Why an answer came out as it did, and how far it may be trusted: attribution, reliance, confidence, grounding, diagnosis."""
