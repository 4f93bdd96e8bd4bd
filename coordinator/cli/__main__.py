"""`python -m coordinator.cli`: what the demo and `up` start as their children."""

from coordinator.cli.main import main

main()
