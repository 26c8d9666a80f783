"""The two Lambda functions. They read events and frame replies; what is decided, `backends.aws` decides."""
