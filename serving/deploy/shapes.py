"""What every table of the deploy file shares: what its values look like, as patterns and in words."""

import re

from pydantic import BaseModel, ConfigDict

STACK = r"^[a-z][a-z0-9-]{0,22}$"
ARN = r"^(arn:aws[a-z-]*:.+)?$"
INSTANCE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
INDEX = r"^[a-z0-9-]{0,45}$"
CIDR = r"^(\d{1,3}(\.\d{1,3}){3}/\d{1,2})?$"
BEDROCK = "bedrock:"
"""What `generator` begins with where a model on Bedrock answers."""

MODEL_ID = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:[a-z0-9]+)*")
"""The id of a model on Bedrock, or of an inference profile."""

REPOSITORY = r"^([\w.-]+/[\w.-]+)?$"
KEY_ARN = r"^(arn:aws[a-z-]*:kms:.+:key/[a-z0-9-]+)?$"
BUCKET = r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$"
COMMIT = r"^([0-9a-f]{40})?$"

SHAPES = {
    STACK: "small letters, digits and dashes, a letter first, 23 characters at most",
    ARN: "an ARN, as in arn:aws:secretsmanager:…",
    INSTANCE: "a SageMaker instance type, as in ml.m5.xlarge",
    INDEX: "small letters, digits and dashes, 45 characters at most",
    CIDR: "a range of addresses, as in 203.0.113.7/32",
    REPOSITORY: "owner/name, as in example/raglass",
    KEY_ARN: "the ARN of a KMS key, as in arn:aws:kms:us-east-1:123456789012:key/…",
    BUCKET: "the name of a bucket",
    COMMIT: "the whole commit, 40 hexadecimal digits",
}
"""What each pattern asks for, in words."""


class Table(BaseModel):
    """A table of the file: unknown names are refused, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
