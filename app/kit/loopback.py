"""Which hosts are this machine, and which are addresses in figures."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and nothing else."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_address(host: str) -> bool:
    """Whether a host is an address in figures, and so no name that could lead anywhere."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_everywhere(host: str) -> bool:
    """Whether a host means every address of this machine."""
    return is_address(host) and ipaddress.ip_address(host.strip("[]")).is_unspecified
