"""The values of each template's parameters, from the configuration and from what the parts before have made."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from serving.deploy.config import DeployConfig
from serving.deploy.templates import Part

PROFILE = re.compile(r"(?:us-gov|us|eu|apac|ap|au|ca|jp|global)\.(?=[a-z0-9-]+\.)")
"""The area that an inference profile's id has before its model's."""

Values = dict[str, str | None]
"""None leaves a parameter of an existing stack as it is."""


def foundation_model(model: str) -> str:
    """The model of an inference profile; of anything else, itself."""
    return PROFILE.sub("", model, count=1) if PROFILE.match(model) else model


def storage_values(config: DeployConfig) -> Values:
    """Of the bucket and the image repository."""
    return {
        "Name": config.stack,
        "KmsKeyArn": config.encryption.kms_key_arn,
        "AccessLogBucket": config.access_logs.bucket,
    }


def serving_values(config: DeployConfig, bucket: str, keys: Mapping[str, str], pinecone_key: str | None) -> Values:
    """Of the serving path. keys: where each artifact is, by parameter. pinecone_key: None leaves the secret as it is."""
    values: Values = {
        "Name": config.stack,
        "ArtifactBucket": bucket,
        **keys,
        "EmbedderInstanceType": config.embedder.instance_type,
        "GeneratorInstanceType": config.generator.instance_type,
        "GeneratorKey": keys.get("GeneratorKey", ""),
        "BedrockModel": config.generator.bedrock_model,
        "BedrockFoundationModel": foundation_model(config.generator.bedrock_model),
        "EndpointKind": config.endpoints.endpoint,
        "ServerlessMemoryMb": str(config.endpoints.memory_mb),
        "ServerlessConcurrency": str(config.endpoints.max_concurrency),
        "MinInstances": str(config.endpoints.min_instances),
        "MaxInstances": str(config.endpoints.max_instances),
        "OrchestratorConcurrency": str(config.api.concurrency),
        "PineconeIndex": config.index,
        "PineconeNamespace": config.pinecone.namespace,
        "PineconeApiKey": pinecone_key,
        "CorsOrigin": config.api.cors_origin,
        "ApiAuth": config.api.auth,
        "ThrottleRate": str(config.api.requests_per_second),
        "ThrottleBurst": str(config.api.burst),
        "LogRetentionDays": str(config.observe.log_retention_days),
        "LatencyAlarmMs": str(config.observe.latency_alarm_ms),
        "AlarmEmail": config.observe.alarm_email,
        "KmsKeyArn": config.encryption.kms_key_arn,
        "NetworkIsolation": str(config.endpoints.network_isolation).lower(),
    }
    if config.endpoints.image:
        values["InferenceImage"] = config.endpoints.image
    return values


def ui_values(config: DeployConfig, serving: Mapping[str, str], image: str) -> Values:
    """Of the dashboard. serving: outputs of the serving path. image: by digest."""
    dashboard = config.dashboard
    return {
        "Name": config.stack,
        "Image": image,
        "VpcId": dashboard.vpc_id,
        "SubnetIds": ",".join(dashboard.subnet_ids),
        "TaskSubnetIds": ",".join(dashboard.task_subnet_ids),
        "AllowedCidr": dashboard.allowed_cidr,
        "CertificateArn": dashboard.certificate_arn,
        "HostNames": ",".join(dashboard.host_names),
        "OpenTo": dashboard.open_to,
        "People": ",".join(dashboard.people),
        "Editors": ",".join(dashboard.editors),
        "Admins": ",".join(dashboard.admins),
        "OidcIssuer": dashboard.oidc.issuer,
        "OidcClientId": dashboard.oidc.client_id,
        "OidcSecretArn": dashboard.oidc.secret_arn,
        "OidcAuthorizationEndpoint": dashboard.oidc.authorization_endpoint,
        "OidcTokenEndpoint": dashboard.oidc.token_endpoint,
        "OidcUserInfoEndpoint": dashboard.oidc.user_info_endpoint,
        "CognitoPoolArn": dashboard.cognito.pool_arn,
        "CognitoClientId": dashboard.cognito.client_id,
        "CognitoDomain": dashboard.cognito.domain,
        "ApiUrl": serving.get("ApiUrl", ""),
        "ApiId": serving.get("ApiId", ""),
        "ApiAuth": config.api.auth,
        "ApiKeySecretArn": serving.get("ApiKeySecret", ""),
        "DatabaseUrlSecretArn": dashboard.database_url_secret_arn,
        "Cpu": str(dashboard.cpu),
        "Memory": str(dashboard.memory),
        "MinTasks": str(dashboard.min_tasks),
        "MaxTasks": str(dashboard.max_tasks),
        "LogRetentionDays": str(config.observe.log_retention_days),
        "KmsKeyArn": config.encryption.kms_key_arn,
        "AccessLogBucket": config.access_logs.bucket,
    }


def ci_values(config: DeployConfig) -> Values:
    """Of the role with which GitHub deploys."""
    return {
        "Name": config.stack,
        "GitHubRepository": config.ci.repository,
        "Branch": config.ci.branch,
        "Environment": config.ci.environment,
        "ProviderArn": config.ci.provider_arn,
        "KmsKeyArn": config.encryption.kms_key_arn,
    }


def part_values(
    part: Part,
    config: DeployConfig,
    *,
    bucket: str = "",
    keys: Mapping[str, str] = MappingProxyType({}),
    pinecone_key: str | None = None,
    serving: Mapping[str, str] = MappingProxyType({}),
    image: str = "",
) -> Values:
    """Of any part. What the parts before have made is left out where it is not known yet."""
    match part:
        case "storage":
            return storage_values(config)
        case "serving":
            return serving_values(config, bucket, keys, pinecone_key)
        case "ui":
            return ui_values(config, serving, image)
        case "ci":
            return ci_values(config)
