"""A page on which people decide about rows: approve, edit, drop, merge."""
