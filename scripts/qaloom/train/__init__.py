"""Stage train: an adapter, or all parameters, by Unsloth and TRL."""
