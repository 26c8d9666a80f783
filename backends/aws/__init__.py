"""The aws backend: the client of the stack's API, and the stages that its orchestrator Lambda runs.

The stages travel in the Lambda zip, so they need no more than the standard library, botocore and urllib3, and this module imports
nothing.
"""
