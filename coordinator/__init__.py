"""The coordinator: watches, decides, keeps the lineage, and moves functions."""
