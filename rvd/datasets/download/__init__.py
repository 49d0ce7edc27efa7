"""Downloads of datasets: transfers, checksums and logins."""
