"""What AWS's errors become: what happened, and what to do next. Nothing secret, nothing that acts on a terminal."""

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from pipeline.errors import ConfigError, RaglassError, StageFailed, Throttled, Unavailable
from serving.deploy.account import Account, explained, shown


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")


DENIED = (
    "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: iam:CreateRole on resource: role demo-x "
    "because no identity-based policy allows the iam:CreateRole action"
)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (NoCredentialsError(), Unavailable, "no AWS credentials.*aws sso login"),
        (ProfileNotFound(profile="work"), ConfigError, "work.*AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="https://x"), Unavailable, "cannot be reached in region 'mars-1'"),
        (ConnectionClosedError(endpoint_url="https://x"), StageFailed, "interrupted.*goes on from here"),
        (refused("ExpiredToken"), Unavailable, "have expired. Sign in again"),
        (refused("InvalidClientTokenId"), Unavailable, "not valid.*AWS_PROFILE"),
        (refused("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2"), Unavailable, "clock is off"),
        (refused("AccessDenied", DENIED), Unavailable, "permission iam:CreateRole is missing"),
        (refused("AccessDenied"), Unavailable, "permission s3:PutObject is missing"),
        (refused("ResourceLimitExceeded", "The account-level limit is 0."), Unavailable, "quota.*limit is 0.*Quotas"),
        (refused("BucketAlreadyExists", "Taken"), Unavailable, "name is taken.*another stack name"),
        (refused("Throttling"), Throttled, "Wait a minute"),
        (refused("SomethingNew", "No idea."), StageFailed, "SomethingNew. AWS says: No idea."),
    ],
)
def test_error_says_what_happened_and_what_to_do(error: Exception, kind: type[RaglassError], said: str) -> None:
    with pytest.raises(kind, match=said) as raised, explained("s3:PutObject", "mars-1"):
        raise error
    assert raised.type is kind


def test_failed_upload_is_explained_by_what_made_it_fail() -> None:
    def upload() -> None:
        try:
            raise refused("AccessDenied", DENIED)
        except ClientError as cause:
            raise S3UploadFailedError("Failed to upload") from cause

    with pytest.raises(Unavailable, match="iam:CreateRole"), explained("s3:PutObject"):
        upload()


def test_words_of_aws_are_cut_to_one_plain_line() -> None:
    assert shown("Role demo is bad\n\x1b[31mand red") == "Role demo is bad."
    assert shown("Unrecognized resource types: [AWS::X::Y]") == "Unrecognized resource types: [AWS::X::Y]."
    assert shown("\x1b]0;title") == "(nothing that can be shown)."


def test_missing_region_says_where_to_write_it(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ConfigError, match=r"raglass-deploy\.toml"):
        _ = Account().region
