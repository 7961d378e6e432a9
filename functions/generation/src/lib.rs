//! `generation`
