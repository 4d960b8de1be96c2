"""Licence check of the packages that set-up installs: each states an allowed licence, or is named here with its own.

Run with the environment's Python; exits with 1 and a line for each package that is neither.
"""

import re
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions

# SPDX names, and what packages write instead.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
    "3-Clause BSD License", "Apache 2.0 License", "Apache Software License", "BSD", "BSD License", "ISC License (ISCL)",
    "MIT License", "Mozilla Public License 2.0 (MPL 2.0)", "Python Software Foundation License",
}  # fmt: skip
# Packages that state no licence or another one, and what their files say. docs/licences.md tells what follows.
NAMED = {
    "axe-playwright-python": "MIT",
    "conda-inject": "MIT",
    "cuda-toolkit": "no files of its own; requires NVIDIA's libraries",
    "cut-cross-entropy": "Apple's own, which lets it be used, changed and passed on",
    "docutils": "public domain and BSD; GPL for an Emacs mode that is not installed",
    "hf-transfer": "Apache-2.0",
    "pypdfium2": "BSD-3-Clause or Apache-2.0; PDFium BSD-3-Clause, its libraries alike",
    "snakemake-interface-common": "MIT",
    "snakemake-interface-logger-plugins": "MIT",
    "snakemake-interface-report-plugins": "MIT",
    "snakemake-interface-scheduler-plugins": "MIT",
    "snakemake-interface-storage-plugins": "MIT",
    "torchao": "BSD-3-Clause",
    "unsloth-zoo": "LGPL-3.0-or-later, some files AGPL-3.0",
}
_NVIDIA = ("LicenseRef-NVIDIA-Proprietary", "NVIDIA Proprietary Software", "Other/Proprietary License")


def stated(package: Distribution) -> list[str]:
    """The licences that a package states: its SPDX expression, else its classifiers, else its licence field."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return [expression]
    classifiers = [
        c.split(" :: ")[-1] for c in about.get_all("Classifier") or () if c.startswith("License ::")
    ]
    field = (about.get("License") or "").strip().partition("\n")[0]
    return [c for c in classifiers if c != "OSI Approved"] or [field]


def is_allowed(licence: str) -> bool:
    """Whether a licence or SPDX expression is allowed: all of its AND parts, and one of each OR."""
    if licence in ALLOWED:
        return True
    parts = re.split(r"\s+AND\s+", re.sub(r"^\(([^()]*)\)$", r"\1", licence))
    if len(parts) > 1:
        return all(map(is_allowed, parts))
    return any(part in ALLOWED for part in re.split(r"\s+OR\s+", parts[0].strip("()")))


def unknown(packages: Sequence[Distribution]) -> list[str]:
    """A line for each package whose licence is neither allowed nor named."""
    found = []
    for package in packages:
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        licences = stated(package)
        of_nvidia = name.startswith("nvidia-") and set(licences) <= set(_NVIDIA)
        if not (name in NAMED or of_nvidia or all(map(is_allowed, licences))):
            found.append(f"{name} {package.version}: {', '.join(licences)}")
    return sorted(found)


if __name__ == "__main__":
    installed = [one for one in distributions() if one.metadata["Name"] != "qaloom"]
    lines = unknown(installed)
    print(
        *lines,
        f"{len(installed)} packages, {len(lines)} of a licence that .ci/licences.py does not know",
        sep="\n",
    )
    sys.exit(bool(lines))
