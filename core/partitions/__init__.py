"""What is divided into parts: grids of keys, how parts map to parts, and definitions unfolded into one node a part."""
