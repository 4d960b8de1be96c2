"""Plans of a training: how a machine reaches the effective batch."""
