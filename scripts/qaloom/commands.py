"""Commands as messages name them: make's in a clone, qaloom's where the program is an installed wheel."""

from pathlib import Path
from shlex import quote

SHARE = Path(__file__).with_name("share")  # beside the packages of an installed wheel (install/wheel.py)
_OPTIONS = {
    "ARGS": "--",
    "CONFIG": "--config",
    "DATA": "--data",
    "DIR": "--directory",
    "PROFILE": "--profile",
    "QUICK": "--quick",
    "HOST": "--host",
    "PORT": "--port",
    "API_KEY_ENV": "--api-key-env",
}


def is_wheel() -> bool:
    """Whether the program is an installed wheel, which comes without a Makefile."""
    return SHARE.is_dir()


def option_text(name: str, value: str = "") -> str:
    """An option with its value, if any: DIR=FOLDER for make, --directory FOLDER for qaloom."""
    if is_wheel():
        return f"{_OPTIONS[name]} {value}".rstrip()
    return f'{name}="{value}"' if " " in value else f"{name}={value}" if value else name


def command_line(name: str, directory: Path = Path(), run: str = "", question: str = "") -> str:
    """The command `name` (run, status, ask, serve) of a project in `directory`, as it is typed in a shell."""
    folder = quote(str(directory)) if directory != Path() else ""
    asked = f'"{question}"' if question else ""
    if is_wheel():
        words = [f"cd {folder} &&" if folder else "", "qaloom", name, run, asked]
    else:
        words = [f"make {name}", folder and f"DIR={folder}", run and f"RUN={run}", asked and f"Q={asked}"]
    return " ".join(filter(None, words))
