"""Reading files in processes of their own, so that no file can take this one's memory, time or life.

`Extractor` is the side of whoever wants documents. It keeps a nursery (`nursery`, `__main__`): a small process without threads and secrets
that has the readers loaded, and forks a child for each file (`child`). What a child says comes as JSON and text (`replies`), and is
checked: nothing that it sends is run.
"""

from backends.local.documents.extraction.extractor import Extractor, ReadStopped
from backends.local.documents.extraction.limits import ReadLimits

__all__ = ["Extractor", "ReadLimits", "ReadStopped"]
