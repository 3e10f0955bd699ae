"""What developers, tests and the demo need around the operator; nothing of it is in the product."""
