"""What the pane beside the tree says of the thing under the cursor. Each tab is a pure function that gives lines."""
