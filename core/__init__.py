"""The engine: definitions, graph, plan, run, store. It knows no screen."""
