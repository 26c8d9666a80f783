"""The research profile's models: any sentence-transformers embedder, transformers generator and cross-encoder.

torch and its friends are imported when a model is constructed, never when a module is imported.
"""

from backends.local.research.cross_encoder import CrossEncoderReranker
from backends.local.research.embedder import ResearchEmbedder
from backends.local.research.generator import ResearchGenerator

__all__ = ["CrossEncoderReranker", "ResearchEmbedder", "ResearchGenerator"]
