"""Tests of the deploy checks and of the scripts of operators: no account, no network."""
