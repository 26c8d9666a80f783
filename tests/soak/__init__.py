"""Many visitors for a long time: whether a dashboard stays as large and as quick as it was, and without errors (`make soak`)."""
