"""The API `gallery-operator.io/v1alpha1`: models of the three kinds, their conditions and names."""
