"""Fuzzing: `targets` take any bytes, `run` has atheris search for bytes that break one.

`targets` has those of single parts, and collects the others: `server_targets`, `client_targets`,
`agent_targets`, `tls_targets`, and `pump_targets` for the scanner.  A search of some minutes is

    pip install atheris
    python -m tests.fuzz.run serving /tmp/corpus -max_total_time=300
"""
