import graphlib


def main():
    graph = {"bath": ["water"], "water": ["pump", "power"], "pump": ["power"], "lamp": ["power"]}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    sorter = graphlib.TopologicalSorter()
    for node, needs in graph.items():
        sorter.add(node, *needs)
    sorter.prepare()
    rounds = []
    while sorter.is_active():
        ready = sorter.get_ready()
        rounds.append(ready)
        sorter.done(*ready)
    try:
        graphlib.TopologicalSorter({1: [2], 2: [3], 3: [1]}).prepare()
    except graphlib.CycleError as error:
        return order, rounds, error.args
