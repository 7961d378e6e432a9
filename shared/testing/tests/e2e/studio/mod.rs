//! With the local renderer: the member's journey, and everything at the edge.

mod aws;
mod caching;
mod edge;
mod history;
mod identity;
mod images;
mod input;
mod journey;
mod limits;
