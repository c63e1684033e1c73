"""Whom to tell, when, in which words, and by which way."""
