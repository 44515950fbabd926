"""The way to a PostgreSQL server: its driver, addresses with limits, sessions that are lent, and its errors as ours."""
