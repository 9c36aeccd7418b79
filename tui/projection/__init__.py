"""What is shown, as data: a graph, its states and where the user stands become rows and words. Pure; no widget."""
