"""Studies: what a choice (an index, a model, a way of cutting) does to retrieval, answers and time, and how sure that is."""
