"""Stage dedup: quality filters, duplicates, contradictions."""
