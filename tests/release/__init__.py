"""What is released: the wheel, what it brings with it, and the Pythons and versions that it works with. Opt in with --release."""
