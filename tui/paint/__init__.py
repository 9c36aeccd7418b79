"""How text gets onto the screen: made safe, and in the colours of a theme."""
