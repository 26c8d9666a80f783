"""OpenTelemetry's protocol: traces of other applications in, ours out.

In: `records` are spans as they arrive, `decoding` reads them from a request's body (`protobuf_spans`, `json_spans`), `admission` and
`bounds` say what is taken of each, `replies` what a sender is told; `content` finds in a span's attributes what it was given and what it
returned, `assembly` makes a trace of them. Out: `spans_out` writes ours as spans, `collector` sends them once, and `sending` keeps what
waits. Nothing here knows the store or HTTP routes.
"""
