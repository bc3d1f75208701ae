"""The rows, one module each: `run(bench)` yields the row's figures as they are found."""
