"""The AWS stack: Lambdas, endpoints, packing, ingestion, and a rehearsal of all of it on one machine."""
