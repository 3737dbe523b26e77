"""The command line: everything the labs do, without a notebook."""
