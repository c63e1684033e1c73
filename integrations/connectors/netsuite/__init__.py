"""NetSuite: SuiteTalk REST for records, SuiteQL for reads.

Oracle NetSuite Help Center, "SuiteTalk REST Web Services", release 2026.1.
"""
