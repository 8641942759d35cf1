"""What both dialects need of HTTP."""
