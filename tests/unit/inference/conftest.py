"""Fixtures that the tests of prompts share."""

import pytest

from qaloom.inference.prompt import prompt_kind


@pytest.fixture
def kind(tokenizer):
    """The kind of prompt of a test file's tokenizer: a chat where it has a template."""
    return prompt_kind("auto", tokenizer)
