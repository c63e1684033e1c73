"""What the home page tells: small rows counted a little at a time, and their reading."""
