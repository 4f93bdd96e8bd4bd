"""A stopped function onto changed source: each frame lands on the statement at which it stands, or it is told why not.

`places` finds a statement again in a changed function; `steps` compares what the two become in normal form; `assigned`
says what the rest would read that nobody has; `reach` does the same for globals; `frames` puts these together for one
frame, and `image` for a whole checkpoint. Nothing of the program runs, and what is not certain is refused.
"""
