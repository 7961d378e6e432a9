//! A small studio that photographs a lighting rig.
//!
//! A rig and a camera are data; this crate renders them, with a sphere, a bust or a bottle in front
//! of the lens. It needs no account, no network and no graphics card, and the same input gives the
//! same bytes, so it serves as the image provider of a local stack, as the preview of a preset, and
//! as a reference for tests.
//!
//! How it works, in the order of the code: [`Subject`] is a signed distance function, sampled into
//! a grid (`field`); rays from the camera (`view`) march through that grid and hit the subject or
//! the paper (`sweep`); lights are square panels (`light`) whose soft shadows and mirror images are
//! computed in closed form from the grid (`trace`), not by random sampling; the lens blurs by depth
//! (`lens`); film and dither make bytes (`colour`).

pub mod bench;
mod colour;
mod demo;
mod field;
mod frame;
mod lens;
mod light;
mod palette;
mod scene;
mod subject;
mod sweep;
#[cfg(test)]
mod tests;
mod trace;
mod vec3;
mod view;

pub use frame::Frame;
pub use palette::Palette;
pub use scene::{Quality, SIDE_PX_MAX, Scene};
pub use subject::Subject;
