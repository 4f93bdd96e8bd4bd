"""Hours of moves under steady load: nothing may be lost or doubled, and nothing may grow."""
