"""What runs always: `functions.toml`, what it would change, and carrying that out."""
