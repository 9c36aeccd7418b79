"""Where steps run: in other processes, each of which can die without harm to the others or to the app."""
