"""Address that an application is served on until Ctrl-C."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from qaloom.commands import option_text
from qaloom.serve.access import PortError, resolved

Host = Annotated[str, typer.Option(help="the address or name to serve on; 0.0.0.0 or :: is all")]
Port = Annotated[int, typer.Option(help="0 takes any free one")]
KeyVariable = Annotated[
    str, typer.Option(help="environment variable that holds the API key; outside loopback, else one is made")
]
FurtherNames = Annotated[list[str] | None, typer.Option(help="a further name that this server is known by")]


@contextmanager
def bound(host: str, port: int) -> Iterator[Any]:
    """The socket of an address, taken before anything is loaded; `::` takes IPv4, too.

    Raises PortError when the address is taken.
    """
    import socket

    address = resolved(host)[0]
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6 and address.is_unspecified:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            taken.bind((str(address), port))
        except (OSError, OverflowError) as error:
            raise PortError(
                f"{host}:{port} cannot be served on ({error}); choose another {option_text('PORT')}"
            ) from None
        yield taken


def listening_at(bound: Any, host: str) -> str:
    """The address of a bound socket for a browser; requests that come before the application is up wait."""
    bound.listen()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{bound.getsockname()[1]}"


def run_until_stopped(app: Any, bound: Any) -> None:
    """Serve an application on a listening socket until Ctrl-C."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    server.run(sockets=[bound])
