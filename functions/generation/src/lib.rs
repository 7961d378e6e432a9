//! Generations: requesting an image, tracking it, and presets.

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

use runtime::Function;

/// All functions of this crate, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::http(create_generation::ENDPOINT, &create_generation::handle),
    Function::http(list_generations::ENDPOINT, &list_generations::handle),
    Function::http(get_generation::ENDPOINT, &get_generation::handle),
    Function::http(cancel_generation::ENDPOINT, &cancel_generation::handle),
    Function::http(structure_prompt::ENDPOINT, &structure_prompt::handle),
    Function::http(create_preset::ENDPOINT, &create_preset::handle),
    Function::http(list_presets::ENDPOINT, &list_presets::handle),
    Function::http(delete_preset::ENDPOINT, &delete_preset::handle),
];

#[cfg(test)]
mod tests;
