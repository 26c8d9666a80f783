"""Models on Amazon Bedrock, as stages of the local backend: asked by boto3, with whatever credentials it finds.

Owns the client and what its faults mean. What Converse is sent and what it answers is `backends.aws.converse`'s, which the stack asks too.
boto3 is imported when a model is opened, never when a module is imported.
"""
