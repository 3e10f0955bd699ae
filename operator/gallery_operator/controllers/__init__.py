"""One reconcile per kind: observe -> plan -> act -> report.

`reconciler` is the shape that all kinds share; `galleries`, `definitions` and `versions` say what is special.
"""
