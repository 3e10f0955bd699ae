"""Writes to the Kubernetes API server: status, finalizers, annotations, deletions and events. Watching is kopf's."""
