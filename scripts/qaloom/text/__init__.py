"""Texts compared and reworded: values, morphemes, similarity."""
