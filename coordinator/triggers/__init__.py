"""What starts functions by itself: messages and times. Each start is a row in the store before it is anything else."""
