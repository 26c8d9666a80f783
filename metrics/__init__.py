"""What is measured: the trace store, latency sketches, and (later) CloudWatch and OTLP.

It stores and reads traces; it refuses to know what made them, and imports nothing of ours but `pipeline`.
"""
