"""Stage split: train, recall and unseen, with a leak audit."""
