"""Decisions: pure functions of (spec, parents, what Azure has, now). No I/O, no clock of its own.

Reading order: `plan` (what can be decided), `difference` (how Azure is compared with the wish), `resources` (what all
kinds have in common), then one module per kind: `galleries`, `definitions`, `versions`.
"""
