"""Whether retrieval and answers hold: perturbed questions, drift, the upgrade certificate."""
