"""The whole AWS stack on one machine: real HTTP, the real Lambda runtime client, real model servers, real metrics.

An emulator (`emulator`) stands for AWS, patched where it lacks something (`patches`); `sagemaker` and `pinecone` stand for
those two. Templates, Lambdas and endpoint code are the ones that AWS gets: only addresses in the environment differ.
Everything listens on loopback, on ports that were free. Of the product only its demonstration imports it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.rehearsal.session import Rehearsal


@contextmanager
def running(*, auth: bool = False, ingest: bool = True) -> Iterator["Rehearsal"]:
    """The deployed stack, for as long as the block runs; nothing of it is left afterwards.

    auth: enforce IAM, so that a role which lacks a permission fails as on AWS.
    ingest: put the built-in corpus into the index; without it the index exists and is empty.
    Raises Unavailable with the end of the log of whatever did not start.
    """
    from serving.rehearsal.session import rehearsed, start

    with start(auth=auth, config=rehearsed(ingest=ingest)) as rehearsal:
        yield rehearsal
