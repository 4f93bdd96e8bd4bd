"""What each firmware means by its messages: readings with unit and kind, and whether a device is there. Pure: no I/O."""
