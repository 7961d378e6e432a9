//! Generations: asking for an image, following it, and the presets it can be made from.

pub mod cancel_generation;
pub mod create_generation;
pub mod create_preset;
pub mod delete_preset;
pub mod get_generation;
pub mod list_generations;
pub mod list_presets;
pub mod structure_prompt;
mod structurer;
mod view;

use runtime::Endpoint;

/// Every endpoint of this crate.
pub const ENDPOINTS: &[Endpoint] = &[
    create_generation::ENDPOINT,
    list_generations::ENDPOINT,
    get_generation::ENDPOINT,
    cancel_generation::ENDPOINT,
    structure_prompt::ENDPOINT,
    create_preset::ENDPOINT,
    list_presets::ENDPOINT,
    delete_preset::ENDPOINT,
];

#[cfg(test)]
mod tests;
