"""Passages of documents, and questions and answers that a model writes from them."""
