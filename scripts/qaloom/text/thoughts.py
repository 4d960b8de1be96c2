"""Thoughts that a reasoning model writes before its answer."""


def strip_thinking(text: str) -> str:
    """An answer without what a reasoning model writes before it; some templates hold the opening tag."""
    return text.rpartition("</think>")[2].partition("<think>")[0]
