"""Stage augment: further wordings of questions."""
