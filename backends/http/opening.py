"""Which endpoints there are, and opening one: what the registry asks."""

from collections.abc import Mapping
from pathlib import Path

from backends.http.backend import HttpBackend
from backends.http.endpoints import FILE_NAME, Endpoint, read_endpoints
from backends.registry import BackendConfig
from pipeline.errors import ConfigError, Unavailable


def find_endpoints(config: BackendConfig) -> Mapping[str, Endpoint]:
    """The endpoints of the settings' file, else of `backends.toml` in the data folder, which need not be there. Raises ConfigError."""
    usual = config.data_dir / FILE_NAME
    path = config.backends_file or (usual if usual.is_file() else None)
    return {} if path is None else read_endpoints(Path(path), config.environ)


def why_unset(endpoint: Endpoint) -> str | None:
    """Which environment variables an endpoint needs that are not set; None if it can be asked."""
    if not endpoint.missing:
        return None
    return f"{endpoint.name} needs {', '.join(endpoint.missing)} in the environment, for its headers."


def open_endpoint(name: str, config: BackendConfig) -> HttpBackend:
    """The backend of one endpoint. Raises ConfigError for an unknown one, Unavailable where a variable is not set."""
    endpoints = find_endpoints(config)
    if name not in endpoints:
        known = f"Known: {', '.join(endpoints)}." if endpoints else "There are none yet."
        raise ConfigError(
            f"There is no endpoint {name!r}. {known} docs/backends.md says how to describe one, RAGLASS_BACKENDS_FILE where."
        )
    reason = why_unset(endpoints[name])
    if reason is not None:
        raise Unavailable(f"{reason} Set them and start again.")
    return HttpBackend(endpoints[name])
