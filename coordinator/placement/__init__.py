"""Where an instance may run, where it should, and why in words."""
