"""How much of the engine the tests reach."""
