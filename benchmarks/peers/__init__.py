"""What others reach on the same function and state: `dispatch-py` and CRIU, where they are installed."""
