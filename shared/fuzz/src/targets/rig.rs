//! Rigs and cameras: what is valid is kept as it is, and can be put into words.

use domain::{camera::CameraSettings, fibo::StructuredPrompt, lighting::LightingRig};

use crate::parts::assert_kept;

/// A rig or a camera as JSON.
pub(crate) fn read(input: &[u8]) -> bool {
    let rig = serde_json::from_slice::<LightingRig>(input).ok();
    let rig = rig.filter(|rig| rig.validate().is_ok());
    let camera = serde_json::from_slice::<CameraSettings>(input).ok();
    let camera = camera.filter(|camera| camera.validate().is_ok());
    rig.iter().for_each(assert_kept);
    camera.iter().for_each(assert_kept);
    let words = StructuredPrompt::from_prompt("a cup on slate", rig.as_ref(), camera.as_ref());
    assert_eq!(words.validate(), Ok(()));
    rig.is_some() || camera.is_some()
}
