//! `account`
