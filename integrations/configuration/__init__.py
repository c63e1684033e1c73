"""The console's set-up as YAML files: read, checked whole, applied, written back."""
