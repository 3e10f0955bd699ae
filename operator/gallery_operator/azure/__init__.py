"""The Azure side: the only code that knows Azure's SDK.

Everything that leaves this package is plain: ARM bodies as JSON dicts in wire form, and `ArmError` with a verdict.
"""
