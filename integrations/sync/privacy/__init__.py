"""Privacy requests: found by workers, carried out in steps, settled with a receipt."""
