"""The configuration: files, schema, types."""
