"""Read-only answers: the same for the command line, the page and Home Assistant."""
