"""What both sides have, laid beside each other before the first sync of a flow.

A person asks (`asking`); workers read both sides page by page, compare them, and link
what a person has chosen (`running`). Nothing is written to either vendor.
"""
