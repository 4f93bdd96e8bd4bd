"""The Python engine: ordinary synchronous Python, stopped at any statement, resumed from plain data.

`program` loads the function's modules in normal form (`normalize`, `lower`, `emit`), `engine` runs, stops and resumes
them (`stops`, `frames`, `capture`; `restore`, `rest`, `continuation`), `values` carries the object graph.
"""
