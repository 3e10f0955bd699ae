"""The engine: a slim store, a work queue with client-go's rules, workers and backoff. It knows no kind by name."""
