//! Generations: requesting an image, tracking it, and presets.

pub mod cancel_generation;
pub mod create_generation;
pub mod create_preset;
pub mod delete_generation;
pub mod delete_preset;
pub mod get_generation;
pub mod get_preset;
pub mod list_generations;
pub mod list_presets;
pub mod structure_prompt;
mod structurer;
pub mod update_generation;
pub mod update_preset;
mod view;
mod waiting;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        create_generation::function(),
        list_generations::function(),
        get_generation::function(),
        update_generation::function(),
        cancel_generation::function(),
        delete_generation::function(),
        structure_prompt::function(),
        create_preset::function(),
        list_presets::function(),
        get_preset::function(),
        update_preset::function(),
        delete_preset::function(),
    ]
}

#[cfg(test)]
mod tests;
