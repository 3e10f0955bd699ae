"""What the operator tells about itself: logs, metrics and health. It knows no kind by name."""
