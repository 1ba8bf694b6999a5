"""The parts of the page: saved tables in, blocks of text, tables and pictures out; one part a file."""
