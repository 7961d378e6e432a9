//! The definitions, as tables.
