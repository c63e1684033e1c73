"""The crash harness: breaks everything it can and believes nothing it is told.

docs/crash-harness.md shows the parts and how to read the printed block.
"""
