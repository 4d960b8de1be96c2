"""Files that are dated in the future: Snakemake, which compares times, would fail on what is made of them.

The clock was set back since, or a file came from another time zone or a machine whose clock goes wrong.
"""

import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from qaloom.errors import SourceError

_TOLERATED = 1.0  # seconds


def check_dates(files: Iterable[str | Path]) -> None:
    """Raise SourceError, one line, when a person's file is dated in the future."""
    for path in map(Path, files):
        if path.is_file() and _is_late(path.stat()):
            until = datetime.fromtimestamp(path.stat().st_mtime).isoformat(" ", "minutes")
            raise SourceError(
                f"{path} is dated in the future ({until}); set this machine's clock right or, where the file came with "
                f"that date, write: touch '{path}'"
            )


def bring_to_present(results: Path) -> None:
    """Date results of the future now. Which of them was made first no longer counts: none was changed since."""
    now = time.time()
    for path in results.rglob("*"):
        if _is_late(path.lstat()):
            os.utime(path, (now, now), follow_symlinks=False)


def _is_late(status: os.stat_result) -> bool:
    return status.st_mtime > time.time() + _TOLERATED
