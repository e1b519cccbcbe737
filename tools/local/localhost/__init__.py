"""A development host for the function app.

Azure's own worker library (`azure-functions-runtime-v1`) does what touches the app, in a process of its own as in
Azure: loading, binding checks, conversion, threads. The host before it stands in for Azure Functions Core Tools: HTTP,
timers, storage queues, keys.
"""
