"""The first refresh token: a person signs in, the token is proven, and it is put where the app reads it."""
