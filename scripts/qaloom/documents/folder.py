"""Output folder of a document."""

import re
from pathlib import PurePath

from qaloom.files import digest


def folder_name(path: str) -> str:
    """A document's folder: its name in letters that every file system takes, and a digest of its path."""
    plain = re.sub(r"[^\w.-]+", "_", PurePath(path).name)
    return f"{plain[:60]}-{digest(path)[:6]}"
