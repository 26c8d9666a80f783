"""Text recognition (OCR) of pages that are pictures, by tesseract where it is installed."""

import csv
import io
import logging
import os
import shutil
import subprocess
import time
from collections import defaultdict
from statistics import median

from pypdfium2 import PdfPage

from backends.local.documents.allowance import seconds_left
from backends.local.documents.pdf.pieces import Face, Piece, Run, gather

DPI = 250
"""At which pages are drawn for recognition: tesseract's manual asks for 300 and reads capitals of 20 pixels well."""

MAX_PIXELS = 5_000
"""Of a picture's longer side; a larger page is drawn more coarsely."""

PAGE_SECONDS = 60
"""For one page."""

SHARE = 0.8
"""Of the time that the file has left. Pages for which there is no more are not recognised, and are told of."""

LANGUAGE = "eng"
"""The only language that every tesseract has."""

MIN_CONFIDENCE = 30
"""Of 100: words below are specks and lines."""

log = logging.getLogger(__name__)


class Recogniser:
    """Reads pictures while there is time for it."""

    def __init__(self) -> None:
        self.program = shutil.which("tesseract")
        """None where it is not installed."""
        self._until = time.monotonic() + SHARE * seconds_left()
        self._was_late = False

    @property
    def remedy(self) -> str:
        """What to do about pages that were not recognised; `{}` stands for them."""
        if self.program is None:
            return "install tesseract to read {}."
        if self._was_late:
            return "tesseract had no time to read {}. Raise RAGLASS_READ_TIME_S and add the file again."
        return "tesseract could not read {}. Run ocrmypdf on the file and add the result."

    def read(self, page: PdfPage) -> list[Piece] | None:
        """The words of a page, y downward from its top; None if they cannot be read."""
        if self.program is None:
            return None
        left = self._until - time.monotonic()
        if left <= 0:
            self._was_late = True
            return None
        scale = min(DPI / 72, MAX_PIXELS / max(*page.get_size(), 1.0))
        try:
            run = subprocess.run(
                [self.program, "stdin", "stdout", "-l", LANGUAGE, "--dpi", str(round(scale * 72)), "tsv"],
                input=_picture(page, scale),
                capture_output=True,
                timeout=min(PAGE_SECONDS, left),
                check=True,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except (OSError, subprocess.SubprocessError):
            self._was_late |= time.monotonic() > self._until
            log.info("a page could not be recognised", exc_info=True)
            return None
        return gather(_runs(run.stdout.decode("utf-8", "replace"), scale))


def _picture(page: PdfPage, scale: float) -> bytes:
    """The page drawn in grey, as a portable graymap (netpbm's PGM)."""
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        rows = bytes(bitmap.buffer)
        width, height, stride = bitmap.width, bitmap.height, bitmap.stride
    finally:
        bitmap.close()
    if stride != width:
        rows = b"".join(rows[at : at + width] for at in range(0, stride * height, stride))
    return b"P5 %d %d 255\n" % (width, height) + rows


def _runs(table: str, scale: float) -> list[Run]:
    """The words of tesseract's table (its `tsv` output), lines' letters made even in size."""
    lines: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row.get("level") == "5" and (row.get("text") or "").strip() and float(row["conf"]) >= MIN_CONFIDENCE:
            lines[row["block_num"], row["par_num"], row["line_num"]].append(row)
    heights = {key: median(int(word["height"]) for word in words) for key, words in lines.items()}
    usual = median(heights.values()) if heights else 0.0
    runs: list[Run] = []
    for key, words in lines.items():
        height = heights[key] if heights[key] > 1.45 * usual else usual
        bottom = median(int(word["top"]) + int(word["height"]) for word in words)
        for word in words:
            left, width = int(word["left"]), int(word["width"])
            text = word["text"].strip()
            runs.append(Run(text, left / scale, (left + width) / scale, bottom / scale, 1.25 * height / scale, Face()))
    return runs
