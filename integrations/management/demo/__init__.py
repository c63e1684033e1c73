"""The demo: keys, people, orders; never used in production."""
