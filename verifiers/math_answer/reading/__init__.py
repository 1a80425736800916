"""Text to tree: normalise, tokens, a layered precedence parser, and back to text again."""
