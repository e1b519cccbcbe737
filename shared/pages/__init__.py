"""What people look at: pages rendered on the server, complete without a script."""
