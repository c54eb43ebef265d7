"""What a host has: one small file for each thing that can be observed, and the `table` that names them."""
