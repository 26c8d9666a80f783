"""OpenTelemetry's protocol: traces of other applications in, ours out.

`records` are spans as they arrive, `decoding` reads them from a request's body (`protobuf_spans`, `json_spans`), `admission` and `bounds`
say what is taken of each, `replies` what a sender is told; `content` finds in a span's attributes what it was given and what
it returned, `assembly` makes a trace of them, `sending` sends ours to a collector. Nothing here knows the store or HTTP routes.
"""
