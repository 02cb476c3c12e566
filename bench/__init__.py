"""What a request costs, beside the least that it could cost on the same server and database (docs/performance.md)."""
