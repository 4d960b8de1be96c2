"""Stage export: merged weights, GGUF, Ollama, each asked again."""
