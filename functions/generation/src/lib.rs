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
pub fn functions() -> Vec<Function> {
    vec![
        create_generation::function(),
        list_generations::function(),
        get_generation::function(),
        cancel_generation::function(),
        structure_prompt::function(),
        create_preset::function(),
        list_presets::function(),
        delete_preset::function(),
    ]
}

#[cfg(test)]
mod tests;
