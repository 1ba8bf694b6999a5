"""Small stand-ins for programs of clusters: each says what it imitates, from which documentation."""
