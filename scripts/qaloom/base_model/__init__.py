"""Stage base_model: a base model in a folder of its own."""
