"""The world, thinly: settings, database, sealing of secrets, servers we start, binaries we find."""
