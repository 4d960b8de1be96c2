"""Stage report: one page in two languages."""
