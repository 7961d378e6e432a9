//! The marketplace's rules, as tables.
