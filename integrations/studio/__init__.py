"""The mapping studio: versions tried on real records, signed, promoted, watched."""
