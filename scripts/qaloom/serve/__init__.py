"""An OpenAI-compatible server, a chat page, questions on the terminal."""
