"""Addresses of servers: what is shown and written of one, and the secrets that it may hold, kept apart.

User, password and query (keys) of an address stay in this process's environment, which its jobs inherit. The
configuration, and so every file, log and command line that is made of it, has the bare address.
"""

import os
import re
from typing import Any

_SECTIONS = (("documents", "endpoint"), ("evaluate", "judge"), ("augment", "endpoint"))
_SECRET = re.compile(r"(?P<scheme>\A\s*[a-zA-Z][\w+.-]*://)(?:[^/?#]*@)?(?P<rest>[^?#]*)[^\n]*")


def bare_address(url: str) -> str:
    """An address without user, password, query and fragment."""
    return _SECRET.sub(r"\g<scheme>\g<rest>", url)


def hide_secrets(config: dict[str, Any]) -> None:
    """Replace the servers' addresses by bare ones, in place; `full_address` finds what was left out."""
    for section, name in _SECTIONS:
        settings = config[section][name]
        if settings["url"] and bare_address(settings["url"]) != settings["url"]:
            os.environ[_variable(f"{section}.{name}")] = settings["url"]
            settings["url"] = bare_address(settings["url"])


def full_address(section: str, url: str) -> str:
    """The address of a section's server, with what `hide_secrets` left out of it."""
    full = os.environ.get(_variable(section), "")
    return full if full and bare_address(full) == url else url


def _variable(section: str) -> str:
    return "QALOOM_ADDRESS_" + section.replace(".", "_").upper()
