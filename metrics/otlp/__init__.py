"""OpenTelemetry's protocol: traces of other applications in, ours out.

`records` are spans as they arrive, `decoding` reads them from a request's body, `content` finds in a span's attributes what it was given
and what it returned, `assembly` makes a trace of them, `spans_out` writes ours as spans, `collector` sends
them once, and `sending` keeps what waits. Nothing here knows the store or HTTP routes.
"""
