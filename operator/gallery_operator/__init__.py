"""A Kubernetes operator for Azure Compute Gallery."""

__version__ = "0.1.0"
