"""Downloads: fetching, checksums and logins."""
