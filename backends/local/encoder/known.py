"""A text whose vector is known: whether this machine computes what it should. `python -m backends.local.seed` prints another vector."""

import base64

import numpy as np
import numpy.typing as npt

TEXT = "The telephone\nNot everybody saw the point of the telephone."

VECTOR = (
    "O9f6ymjh7B82ID0LPNC2OxP9vtRFBb43NFHOIhzA2eM+uDEdxe8vvPpDEn8vS9UjpsnqVhxILcTj0rUqIdD68GQ2E0fF/8tQ9MIlA/67HugSxNInzTtGxkz9IxzP"
    "raTG1jJJ1ybcRNW5TlXDMbK0PkcopdEa3vLEIO2mudHWNhnwGxsd9Rg7WL/2z+jUVeBSLTwo3kPUKJhGGhvpo74kN8K/sNvBujNf6tvdQ9E1HBDJ+TA+38Sb0c+/"
    "zC8cBtIbxdvIDL43Nxu64ycb/xy+KOArRML6XZENBT0iHAcgYKayHkzts1jNEqrRtL4LMxTF39c1vi2/5EbWI0zJ8r/oEjdf5RIQBG8dOyO9+KjQ2P8nvJjDRUrZ"
    "1S0kJDMe+/tN09fR0D6uIggOau1AAOobIIVLKTkcMRpM3uo3QfYd2LnUyd3AIDS7z0gcYdHFPNfvoW6c1hZQBVTUuU7R4N9GjyNC7F/DzSc0p74+MToxBCETm0MH"
    "zh/gp89B3KsLMPZV"
)
"""Its vector as a passage, see `packed`."""

ENOUGH = 0.99
"""Cosine of vectors that mean the same: processors that round floats otherwise were seen at 0.994 and more, a wrong prefix has 0.98."""

FloatArray = npt.NDArray[np.float32]


def nearness(vector: FloatArray) -> float:
    """Cosine of a vector of TEXT, (dim,), to the known one."""
    known = np.frombuffer(base64.b64decode(VECTOR), np.int8).astype(np.float32)
    return float(vector @ known / (np.linalg.norm(vector) * np.linalg.norm(known)))


def packed(vector: FloatArray) -> str:
    """A vector in whole numbers of 8 bits, base64: within 0.0001 of its direction."""
    return base64.b64encode(np.rint(vector * (127 / np.abs(vector).max())).astype(np.int8).tobytes()).decode("ascii")
