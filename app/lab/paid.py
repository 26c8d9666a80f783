"""What models cost beside this machine's time: those behind endpoints, and those on other servers."""

from collections.abc import Sequence

from app.kit.wording import listed
from app.lab.targets import is_elsewhere

ENDPOINTS = "what the endpoints cost: by the hour on instances, by the second that they work where they are serverless"


def paid_words(models: Sequence[str]) -> str:
    """What asking models costs, in a sentence. models: as a study names them; a server on this machine bills nobody."""
    from app.lab.endpoints import PREFIX  # which needs numpy

    paid = [ENDPOINTS] if any(name.startswith(PREFIX) for name in models) else []
    if servers := [name for name in models if is_elsewhere(name)]:
        paid.append(f"what whoever runs {listed(servers)} bills, mostly by the token")
    return f"It costs this machine’s time{''.join(f', and {each}' for each in paid) or ' and nothing else'}."
