"""Exceptions for mistakes that a user can correct: one type for each cause.

Raised where the cause is known; `qaloom.console.job` alone turns them into the line that a person reads.
"""


class QALoomError(Exception):
    """A mistake that the user can correct; its text names the place and the remedy."""


class ConfigError(QALoomError):
    """The configuration cannot be read, or a key or value in it is not valid."""


class SourceError(QALoomError):
    """A source file is missing, unreadable, or holds no usable row."""


class DataError(QALoomError):
    """The rows that reached a stage do not suffice (too few, none left)."""


class RowTextError(QALoomError):
    """A row's text cannot be put into the prompt as it is."""


class LeakError(QALoomError):
    """The leak audit found a held-out row that the training rows give away."""


class ModelError(QALoomError):
    """A base model or adapter is missing, incomplete, gated, or of an unsupported kind."""


class DeviceError(QALoomError):
    """The accelerator is present but cannot be used."""


class TrainingError(QALoomError):
    """Training cannot start or go on (no labels, loss not a number, out of memory)."""


class LeftoverError(QALoomError):
    """Jobs of an earlier run are still running and cannot be ended from here."""


class StorageError(QALoomError):
    """The disk has no room for what a run writes, or a file of the cache cannot be read or written."""


class EndpointError(QALoomError):
    """A model server cannot be reached, refuses, or gives no usable answer."""


class BundleError(QALoomError):
    """The program cannot be packed for a host without a network."""


def first_line(error: BaseException) -> str:
    """Another library's error in one line: its type and the first line of its text."""
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0].removesuffix(": ")
