"""The command line, one module a topic; every command is a call into one function."""
