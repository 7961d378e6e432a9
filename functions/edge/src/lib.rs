//! `edge`
