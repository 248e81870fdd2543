"""What people see of a benchmark: tables in the terminal, CSV, and one HTML page, all from the same record."""
