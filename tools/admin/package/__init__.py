"""What is published: the lock, the files of the app, the dependencies for Azure's platform, and the proof that it loads."""
