"""Prompts, tokens and generation."""
