//! A member's own presets: lighting, camera and an optional subject, stored under a name.

use serde::{Deserialize, Serialize};

use crate::{
    error::{FieldCheck, InvalidFields},
    generation::PresetContent,
    id::{PresetId, UserId},
    text,
    time::Timestamp,
};

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 80;

/// A member's preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// Its id; ids sort by time.
    pub id: PresetId,
    /// The member.
    pub user_id: UserId,
    /// The name.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last replaced; `None` if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The content.
    pub content: PresetContent,
}

impl Preset {
    /// Validates and creates a preset.
    ///
    /// # Errors
    /// All invalid fields.
    pub fn keep(
        id: PresetId,
        user_id: UserId,
        name: String,
        content: PresetContent,
        now: Timestamp,
    ) -> Result<Preset, InvalidFields> {
        check(&name, &content)?;
        Ok(Preset { id, user_id, name, created_at: now, updated_at: None, content })
    }

    /// The same preset with another name and content.
    ///
    /// # Errors
    /// All invalid fields.
    pub fn replace(
        self,
        name: String,
        content: PresetContent,
        now: Timestamp,
    ) -> Result<Preset, InvalidFields> {
        check(&name, &content)?;
        Ok(Preset { name, updated_at: Some(now), content, ..self })
    }
}

fn check(name: &str, content: &PresetContent) -> Result<(), InvalidFields> {
    let mut check = FieldCheck::new();
    let fits = text::length(name) <= NAME_CHARS_MAX;
    check.require(fits && text::is_line(name), "/name", "name", || {
        format!("one line of 1 to {NAME_CHARS_MAX} visible characters")
    });
    check.absorb("", content.validate());
    check.finish()
}

#[cfg(test)]
mod tests;
