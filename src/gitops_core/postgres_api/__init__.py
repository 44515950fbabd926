"""The way to a PostgreSQL server: sessions with limits, and its errors as ours."""
