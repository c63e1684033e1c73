"""Acceptance: what the business wants to see is really done at a sandbox, and kept.

The code of a scenario is in `plays`, its faults in `faults`, its own world in
`scratch`, its life as a row in `runs`; `evidence` is what signers see.
"""

from integrations.studio.acceptance.evidence import (
    Evidence,
    Proof,
    evidence_for,
    make_stale,
)

__all__ = ["Evidence", "Proof", "evidence_for", "make_stale"]
