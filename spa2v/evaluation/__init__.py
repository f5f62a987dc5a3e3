"""Metrics, tables and reports."""
