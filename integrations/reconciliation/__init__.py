"""Money that a provider paid out, beside what it is made of."""
