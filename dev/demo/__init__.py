"""The life of an image version, told and verified step by step on a real API server and a simulated Azure.

`python -m dev.demo` (or `make demo`) tells the story, tests/e2e asserts it; both run the steps of `story.py`.
The operator is a process of its own, with the rights that the Helm chart gives it. It shares an accelerated clock with
the simulator, so that policies which count in days take seconds.
"""
