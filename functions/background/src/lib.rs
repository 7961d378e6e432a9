//! `background`
