//! What a surface is made of.

use crate::vec3::Vec3;

/// The material of a surface, in linear light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Material {
    /// Light enters, reddens and leaves again: soft terminators and a broad sheen.
    Skin { albedo: Vec3 },
    /// Matte fibres, a little brighter where seen edge-on.
    Fabric { albedo: Vec3 },
    /// Dark fibres with a broad sheen.
    Hair { albedo: Vec3 },
    /// A coloured body under a clear, mirror-like glaze.
    Glaze { albedo: Vec3 },
    /// Brushed metal.
    Metal { tint: Vec3 },
    /// Clear, but for the `absorption`: halvings of the light per centimetre.
    Glass { absorption: Vec3 },
}
