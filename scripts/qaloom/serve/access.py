"""Access to `make serve` and `make review`: the API key, and the host names that requests may be addressed to.

A web page can lead a browser to any address, also one of this machine, under a name of its own (DNS
rebinding). Requests therefore must name this server's own host, and a page must be this server's page.
"""

import ipaddress
import os
import re
import secrets
import socket
import sys
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qaloom.commands import option_text
from qaloom.errors import ConfigError, QALoomError
from qaloom.serve.limits import RequestError

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_WITHOUT_KEY = ("/", "/health")  # the page holds no data; what it shows it has to ask for


class PortError(QALoomError):
    """The address to serve on cannot be used."""


class Access(NamedTuple):
    """Who is answered: requests with `key` (None: without one) to a host of `names`, in lower case.

    `any_address`: requests to any IP address are answered, too. A page under another name cannot use one.
    """

    key: str | None
    names: frozenset[str]
    any_address: bool = False

    def allows_host(self, host: str) -> bool:
        """Whether a Host header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.names or (self.any_address and _is_address(name))


class Guard:
    """ASGI middleware that answers only requests that `access` allows."""

    def __init__(self, app: ASGIApp, access: Access):
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(Headers(scope=scope), scope["path"])
            except RequestError as error:
                await error.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, headers: Headers, path: str) -> None:
        hosts, origin = headers.getlist("host"), headers.get("origin")
        if len(hosts) != 1 or not self.access.allows_host(hosts[0]):
            shown = ", ".join(hosts)[:100]
            raise RequestError(
                400,
                "unknown_host",
                f"this server is not {shown!r}; name it with {option_text('HOST')} or --name",
            )
        if origin is not None and origin.lower().partition("://")[2] != hosts[0].lower():
            raise RequestError(403, "foreign_page", f"requests from pages of {origin[:100]} are not answered")
        if self.access.key is not None and path not in _WITHOUT_KEY:
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not secrets.compare_digest(given.encode(), self.access.key.encode()):
                raise RequestError(
                    401, "invalid_api_key", "this server wants its API key: Authorization: Bearer KEY"
                )


def access_to(host: str, key: str | None, names: Iterable[str] = ()) -> Access:
    """The access to a server at `host`, which is also known by `names`."""
    addresses = resolved(host)
    known = {host, *names, *(str(address) for address in addresses)}
    if all(address.is_loopback for address in addresses):
        known |= _LOOPBACK_NAMES
    everywhere = any(address.is_unspecified for address in addresses)
    if everywhere:
        known |= {*_LOOPBACK_NAMES, socket.gethostname()}
    return Access(key, frozenset(name.strip("[]").lower() for name in known), everywhere)


def api_key(host: str, key_env: str | None, command: str = "serve") -> str | None:
    """The API key: that of the environment variable `key_env`, or one made and shown now; none on loopback.

    Raises ConfigError when the variable holds no usable key, PortError when the host is not known.
    """
    if key_env:
        return key_in(key_env)
    if all(address.is_loopback for address in resolved(host)):
        return None
    key = secrets.token_urlsafe(32)
    # To the terminal alone: a log would keep it.
    print(
        f"{command}: the API key, shown this once: {key}\n"
        f"{command}: clients send it as Authorization: Bearer KEY; the page asks for it. "
        f"{option_text('API_KEY_ENV', 'NAME')} sets "
        "one of your own",
        file=sys.stderr,
        flush=True,
    )
    return key


def key_in(key_env: str) -> str:
    """The API key in an environment variable. Raises ConfigError when there is none that can be used."""
    key = os.environ.get(key_env, "")
    if not key:
        raise ConfigError(f"--api-key-env: {key_env} is not set; export it, or leave the option out")
    if not re.fullmatch(r"[!-~]+", key):
        raise ConfigError(
            f"--api-key-env: {key_env} holds a blank or another character that no key has; export it anew"
        )
    return key


def resolved(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The IP addresses of a host. Raises PortError when it has none."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PortError(
            f"{host} is no address of this machine ({error}); choose another {option_text('HOST')}"
        ) from None
    return [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
