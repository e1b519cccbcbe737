"""Everything that never goes to Azure: launcher commands, the local host, simulators."""
