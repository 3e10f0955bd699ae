"""Benchmarks: the operator as a process, against a real API server and the Azure simulator, judged by budgets."""
