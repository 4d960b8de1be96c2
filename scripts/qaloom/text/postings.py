"""Distinct numbers by number: the rows of each word, the words of each question. Compressed sparse rows."""

import numpy as np


class Postings:
    """For each number below `size` the distinct numbers that go with it, ascending."""

    def __init__(self, numbers: np.ndarray, held: np.ndarray, size: int) -> None:
        both = (numbers.astype(np.int64) << 32) | held
        both.sort()  # np.unique would hash, which takes several times as long
        both = both[np.diff(both, prepend=-1) != 0]
        self.starts = np.searchsorted(both, np.arange(size + 1, dtype=np.int64) << 32)
        self.held = both.astype(np.int32)  # the lower half

    def of(self, number: int) -> np.ndarray:
        """The numbers that go with a number, int32, ascending."""
        return self.held[self.starts[number] : self.starts[number + 1]]

    def of_all(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions in `numbers`, and the numbers that go with the number at each, end to end."""
        at, places = gathered(self.starts, numbers)
        return at, self.held[places]


def gathered(starts: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in `numbers`, and the places from `starts[number]` on to the next start for each, end to end."""
    counts = starts[numbers + 1] - starts[numbers]
    at = np.repeat(np.arange(len(numbers)), counts)
    before = np.cumsum(counts) - counts
    return at, np.arange(len(at)) + np.repeat(starts[numbers] - before, counts)
