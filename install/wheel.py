"""Wheel's files beside its packages: all that a run reads from the repository, at qaloom/share."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SHARED = (
    "Snakefile",
    "requirements-converter.txt",
    "requirements-embedded.txt",
    "rules",
    "config",
    "profiles",
    "report",
    "data/demo",
)


class SharedFiles(BuildHookInterface):
    """Build hook: an editable installation reads the repository itself, so only a wheel gets a copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        root = Path(self.root)
        scripts = (str(path.relative_to(root)) for path in root.glob("scripts/*.py"))
        build_data["force_include"].update({name: f"qaloom/share/{name}" for name in (*_SHARED, *scripts)})
