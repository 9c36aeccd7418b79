"""What goes on beside the keys: events, files, values, other processes. They reach the screen and do not hold it up."""
