"""What is published: the lock, the files of the app, and the dependencies for Azure's platform."""
