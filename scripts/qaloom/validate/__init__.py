"""Stage validate: lines of source files to rows."""
