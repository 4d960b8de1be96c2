"""Processes that end with the one that started them."""

import ctypes
import os
import signal

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
_LIBRARY = ctypes.CDLL(None)
_PARENT = os.getppid()


def end_with_parent() -> None:
    """Ask the kernel to kill this process with its parent.

    Also as `preexec_fn` of subprocess, for programs that do not ask it themselves.
    """
    _LIBRARY.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def is_orphan() -> bool:
    """Whether the parent has changed since this module was imported, so that its end was missed."""
    return os.getppid() != _PARENT
