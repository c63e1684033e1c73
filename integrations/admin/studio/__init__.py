"""What the grid of a mapping version asks while somebody edits it."""
