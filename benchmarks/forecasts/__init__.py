"""How well exhaustion is seen to come: generated days of hubs, several ways to raise an alarm, and the score."""
