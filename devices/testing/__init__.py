"""What our tests and users' tests start for real."""
