//! Requests to the provider, validated as strictly as its OpenAPI document states.

use std::{net::IpAddr, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::fibo::StructuredPrompt;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Refused, pictures::Format};
use crate::route::Route;

/// Fields accepted by every endpoint.
const FIELDS: &[&str] =
    &["prompt", "structured_prompt", "seed", "sync", "webhook_url", "prompt_content_moderation"];
/// Further fields of every endpoint except a tailored model's.
const OPEN_FIELDS: &[&str] = &["images", "ip_signal", "visual_input_content_moderation"];
/// Further fields of the image endpoints except a tailored model's.
const IMAGE_FIELDS: &[&str] =
    &["aspect_ratio", "output_type", "model_version", "visual_output_content_moderation"];
/// Further fields of the full model.
const STANDARD_FIELDS: &[&str] = &["resolution", "steps_num", "negative_prompt"];
/// Further fields of a tailored model.
const TAILORED_FIELDS: &[&str] = &[
    MODEL_FIELD,
    "tailored_model_influence",
    "guidance_scale",
    "negative_prompt",
    "aspect_ratio",
    "steps_num",
    "visual_output_content_moderation",
];
/// The field that a tailored model requires (docs.bria.ai/tailored-generation).
const MODEL_FIELD: &str = "tailored_model_id";
/// The largest seed. No range is documented; a public client of the provider has this limit.
const SEED_MAX: i64 = 2_147_483_647;

/// The aspect ratios of every version.
const CLASSIC_RATIOS: [&str; 9] = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9"];
/// The aspect ratios of FIBO 2.0, not allowed with 4MP, a refinement, or images without a prompt.
const WIDE_RATIOS: [&str; 12] =
    ["16:10", "10:16", "2:1", "1:2", "21:9", "9:21", "3:1", "1:3", "4:1", "1:4", "5:1", "1:5"];

/// Longest side of a drawn picture in pixels. The provider's are about twice that; these take half
/// a second to draw.
const SIDE_PX: u32 = 512;

/// A valid request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) prompt: Option<String>,
    pub(super) structured_prompt: Option<String>,
    pub(super) seed: Option<i64>,
    /// Whether the answer is the result rather than a job to poll.
    pub(super) sync: bool,
    pub(super) webhook_url: Option<String>,
    /// What to draw; `None` on the structured prompt endpoints.
    pub(super) canvas: Option<Canvas>,
}

/// Size and format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: Format,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    prompt: Option<String>,
    images: Option<Vec<String>>,
    structured_prompt: Option<String>,
    seed: Option<i64>,
    #[serde(default)]
    sync: bool,
    webhook_url: Option<String>,
    #[serde(rename = "ip_signal")]
    _ip_signal: Option<bool>,
    #[serde(rename = "prompt_content_moderation")]
    _prompt_content_moderation: Option<bool>,
    #[serde(rename = "visual_input_content_moderation")]
    _visual_input_content_moderation: Option<bool>,
    aspect_ratio: Option<String>,
    #[serde(default)]
    output_type: Format,
    model_version: Option<String>,
    #[serde(rename = "visual_output_content_moderation")]
    _visual_output_content_moderation: Option<bool>,
    #[serde(default)]
    resolution: Resolution,
    steps_num: Option<u32>,
    #[serde(rename = "negative_prompt")]
    _negative_prompt: Option<String>,
    tailored_model_id: Option<String>,
    tailored_model_influence: Option<f64>,
    guidance_scale: Option<u32>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Resolution {
    #[default]
    #[serde(rename = "1MP")]
    One,
    #[serde(rename = "4MP")]
    Four,
}

impl Asked {
    /// Parses the body of a request to `route`.
    pub(super) fn read(route: Route, body: &[u8]) -> Result<Asked, Refused> {
        let object: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Refused::invalid(format!("not a JSON object: {error}")))?;
        let tailored = route == Route::GenerateTailored;
        let draws = tailored || matches!(route, Route::Generate | Route::GenerateLite);
        let known: &[&[&str]] = match (draws, route) {
            (true, Route::GenerateTailored) => &[FIELDS, TAILORED_FIELDS],
            (true, Route::Generate) => &[FIELDS, OPEN_FIELDS, IMAGE_FIELDS, STANDARD_FIELDS],
            (true, _) => &[FIELDS, OPEN_FIELDS, IMAGE_FIELDS],
            (false, _) => &[FIELDS, OPEN_FIELDS],
        };
        for (name, value) in &object {
            if !known.iter().any(|names| names.contains(&name.as_str())) {
                return Err(Refused::invalid(format!("{name}: unknown field")));
            }
            if value.is_null() {
                return Err(Refused::invalid(format!("{name}: must not be null")));
            }
        }
        let fields: Fields = serde_json::from_value(Value::Object(object))
            .map_err(|error| Refused::invalid(error.to_string()))?;
        fields.check_inputs(draws)?;
        fields.check_values(if tailored { 20..=50 } else { 35..=50 })?;
        let model = fields.tailored_model_id.as_ref();
        if tailored && model.is_none_or(|model| model.trim().is_empty()) {
            return Err(Refused::invalid(format!("{MODEL_FIELD}: which model?")));
        }
        let canvas = if draws { Some(fields.canvas(tailored)?) } else { None };
        Ok(Asked {
            prompt: fields.prompt,
            structured_prompt: fields.structured_prompt,
            seed: fields.seed,
            sync: fields.sync,
            webhook_url: fields.webhook_url,
            canvas,
        })
    }
}

impl Fields {
    /// Checks the legal combinations of prompt, images and structured prompt.
    fn check_inputs(&self, draws: bool) -> Result<(), Refused> {
        let given =
            (self.prompt.is_some(), self.images.is_some(), self.structured_prompt.is_some());
        match given {
            (true, _, false) | (false, true, false) | (true, false, true) => Ok(()),
            (false, false, true) if draws => Ok(()),
            (false, false, true) => Err(Refused::invalid("structured_prompt: needs a prompt here")),
            (_, true, true) => Err(Refused::invalid("images: not with structured_prompt")),
            (false, false, false) => {
                Err(Refused::invalid("one of prompt, images and structured_prompt is required"))
            }
        }
    }

    fn check_values(&self, steps: RangeInclusive<u32>) -> Result<(), Refused> {
        if self.prompt.as_ref().is_some_and(|prompt| prompt.trim().is_empty()) {
            return Err(Refused::invalid("prompt: must not be empty"));
        }
        if let Some(text) = &self.structured_prompt {
            serde_json::from_str::<StructuredPrompt>(text)
                .map_err(|error| Refused::invalid(format!("structured_prompt: {error}")))?;
        }
        if let Some(images) = &self.images {
            match images.as_slice() {
                [image] if is_image(image) => {}
                [_] => return Err(Refused::invalid("images: neither a public URL nor an image")),
                _ => return Err(Refused::invalid("images: exactly one")),
            }
        }
        if self.model_version.as_ref().is_some_and(|version| version != "FIBO") {
            return Err(Refused::invalid("model_version: FIBO"));
        }
        if self.steps_num.is_some_and(|count| !steps.contains(&count)) {
            let (least, most) = (steps.start(), steps.end());
            return Err(Refused::invalid(format!("steps_num: {least} to {most}")));
        }
        if self.seed.is_some_and(|seed| !(0..=SEED_MAX).contains(&seed)) {
            return Err(Refused::invalid(format!("seed: 0 to {SEED_MAX}")));
        }
        if self.tailored_model_influence.is_some_and(|share| !(0.0..=1.5).contains(&share)) {
            return Err(Refused::invalid("tailored_model_influence: 0 to 1.5"));
        }
        if self.guidance_scale.is_some_and(|scale| !(3..=5).contains(&scale)) {
            return Err(Refused::invalid("guidance_scale: 3 to 5"));
        }
        match &self.webhook_url {
            Some(_) if self.sync => Err(Refused::invalid("webhook_url: not with sync")),
            Some(url) if !is_webhook_url(url) => Err(Refused::invalid("webhook_url: https")),
            Some(_) | None => Ok(()),
        }
    }

    fn canvas(&self, tailored: bool) -> Result<Canvas, Refused> {
        let ratio = self.aspect_ratio.as_deref().unwrap_or("1:1");
        let wide = WIDE_RATIOS.contains(&ratio);
        if !wide && !CLASSIC_RATIOS.contains(&ratio) {
            return Err(Refused::invalid("aspect_ratio: not one of the known ratios"));
        }
        let refines = self.prompt.is_some() && self.structured_prompt.is_some();
        let only_images = self.images.is_some() && self.prompt.is_none();
        if wide && (tailored || self.resolution == Resolution::Four || refines || only_images) {
            return Err(Refused::invalid("aspect_ratio: not with these inputs"));
        }
        let side_px = match self.resolution {
            Resolution::One => SIDE_PX,
            Resolution::Four => 2 * SIDE_PX,
        };
        let (width, height) =
            fitted(ratio, side_px).ok_or_else(|| Refused::invalid("aspect_ratio: not a ratio"))?;
        Ok(Canvas { width, height, format: self.output_type })
    }
}

/// The largest size of a ratio such as `3:2` with a longer side of `side_px`.
fn fitted(ratio: &str, side_px: u32) -> Option<(u32, u32)> {
    let (width, height) = ratio.split_once(':')?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    let longest = width.max(height);
    Some((side_px * width / longest, side_px * height / longest))
}

/// Whether it is a public URL or the base64 of a JPEG, PNG or WebP.
fn is_image(image: &str) -> bool {
    if image.starts_with("https://") || image.starts_with("http://") {
        return Url::parse(image).is_ok();
    }
    let Ok(bytes) = STANDARD.decode(image) else { return false };
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    webp || bytes.starts_with(b"\x89PNG\r\n\x1a\n") || bytes.starts_with(b"\xff\xd8\xff")
}

/// The provider requires https; http is accepted for this machine, which has no certificates.
fn is_webhook_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let here = address.map_or_else(
        |_| {
            host == "localhost"
                || host.ends_with(".localhost")
                || host.ends_with(".localhost.localstack.cloud")
        },
        |address| address.is_loopback(),
    );
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => here,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(route: Route, body: &Value) -> Result<Asked, String> {
        Asked::read(route, body.to_string().as_bytes()).map_err(|refused| refused.details)
    }

    #[test]
    fn combinations_are_legal_or_not() {
        let text = StructuredPrompt::from_prompt("a cup", None, None).canonical_json();
        let image = "https://example.com/cup.png";
        let both = [Route::Generate, Route::Structure];
        for body in [
            json!({ "prompt": "a cup" }),
            json!({ "images": [image] }),
            json!({ "images": [image], "prompt": "a cup" }),
            json!({ "structured_prompt": text, "prompt": "in blue", "seed": 5 }),
        ] {
            for route in both {
                assert!(read(route, &body).is_ok(), "{route:?} {body}");
            }
        }
        for body in [
            json!({}),
            json!({ "seed": 5 }),
            json!({ "structured_prompt": text, "images": [image] }),
            json!({ "structured_prompt": text, "images": [image], "prompt": "a cup" }),
        ] {
            for route in both {
                assert!(read(route, &body).is_err(), "{route:?} {body}");
            }
        }
        let recreate = json!({ "structured_prompt": text, "seed": 5 });
        assert!(read(Route::Generate, &recreate).is_ok());
        assert!(read(Route::StructureLite, &recreate).is_err());
    }

    #[test]
    fn a_field_belongs_to_its_endpoints() {
        use Route::{Generate, GenerateLite, Structure, StructureLite};
        let all = [Generate, GenerateLite, Structure, StructureLite];
        for (field, value, routes) in [
            ("seed", json!(7), all.as_slice()),
            ("sync", json!(true), &all),
            ("ip_signal", json!(true), &all),
            ("prompt_content_moderation", json!(false), &all),
            ("aspect_ratio", json!("4:3"), &[Generate, GenerateLite]),
            ("output_type", json!("jpeg"), &[Generate, GenerateLite]),
            ("model_version", json!("FIBO"), &[Generate, GenerateLite]),
            ("resolution", json!("4MP"), &[Generate]),
            ("steps_num", json!(35), &[Generate]),
            ("negative_prompt", json!("blur"), &[Generate]),
            ("guidance_scale", json!(5), &[]),
            ("num_results", json!(1), &[]),
        ] {
            for route in all {
                let body = json!({ "prompt": "a cup", field: value });
                assert_eq!(read(route, &body).is_ok(), routes.contains(&route), "{route:?} {body}");
                let null = json!({ "prompt": "a cup", field: null });
                assert!(read(route, &null).is_err(), "{route:?} {null}");
            }
        }
    }

    #[test]
    fn a_tailored_model_is_named() {
        let route = Route::GenerateTailored;
        let tailored = |model: Value| json!({ "prompt": "a cup", "tailored_model_id": model });
        assert!(read(route, &tailored(json!("m-7"))).is_ok());
        let with = |name: &str, value: Value| json!({ "prompt": "a cup", "tailored_model_id": "m-7", name: value });
        for body in [
            with("negative_prompt", json!("blur")),
            with("steps_num", json!(20)),
            with("guidance_scale", json!(3)),
            with("tailored_model_influence", json!(0.5)),
        ] {
            assert!(read(route, &body).is_ok(), "{body}");
        }
        for body in [
            json!({ "prompt": "a cup" }),
            json!({ "prompt": "a cup", "model_id": "m-7" }),
            tailored(json!(" ")),
            tailored(json!(7)),
            with("images", json!(["https://example.com/cup.png"])),
            with("output_type", json!("jpeg")),
            with("resolution", json!("1MP")),
            with("aspect_ratio", json!("21:9")),
            with("guidance_scale", json!(6)),
        ] {
            assert!(read(route, &body).is_err(), "{body}");
        }
        for route in [Route::Generate, Route::GenerateLite, Route::Structure] {
            assert!(read(route, &tailored(json!("m-7"))).is_err(), "{route:?}");
        }
    }

    #[test]
    fn values_have_limits() {
        let text = StructuredPrompt::from_prompt("a cup", None, None).canonical_json();
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\n....");
        let good = [
            json!({ "images": [png] }),
            json!({ "prompt": "a", "webhook_url": "https://api.example/webhooks/bria" }),
            json!({ "prompt": "a", "webhook_url": "http://127.0.0.1:4566/webhooks/bria" }),
            json!({ "prompt": "a", "webhook_url": "http://[::1]:4566/" }),
            json!({ "prompt": "a", "webhook_url": "http://abc.execute-api.localhost:4566/" }),
            json!({ "prompt": "a", "aspect_ratio": "21:9" }),
        ];
        for body in good {
            assert!(read(Route::Generate, &body).is_ok(), "{body}");
        }
        for (body, part) in [
            (json!({ "prompt": " " }), "prompt: must not be empty"),
            (json!({ "prompt": 5 }), "invalid type"),
            (json!({ "structured_prompt": { "short_description": "an object" } }), "invalid type"),
            (json!({ "structured_prompt": "not JSON" }), "structured_prompt:"),
            (json!({ "structured_prompt": "{}" }), "structured_prompt: missing field"),
            (json!({ "images": [] }), "exactly one"),
            (json!({ "images": [png, png] }), "exactly one"),
            (json!({ "images": [format!("data:image/png;base64,{png}")] }), "neither"),
            (json!({ "prompt": "a", "seed": 1.5 }), "invalid type"),
            (json!({ "prompt": "a", "seed": -1 }), "seed: 0 to"),
            (json!({ "prompt": "a", "seed": 2_147_483_648_u64 }), "seed: 0 to"),
            (json!({ "prompt": "a", "steps_num": 34 }), "35 to 50"),
            (json!({ "prompt": "a", "model_version": "FIBO-2" }), "model_version"),
            (json!({ "prompt": "a", "aspect_ratio": "7:5" }), "aspect_ratio"),
            (json!({ "prompt": "a", "aspect_ratio": "2:1", "resolution": "4MP" }), "aspect_ratio"),
            (
                json!({ "prompt": "a", "aspect_ratio": "2:1", "structured_prompt": text }),
                "not with",
            ),
            (json!({ "images": [png], "aspect_ratio": "2:1" }), "not with these"),
            (json!({ "prompt": "a", "output_type": "webp" }), "unknown variant"),
            (json!({ "prompt": "a", "webhook_url": "http://example.com/" }), "https"),
            (json!({ "prompt": "a", "webhook_url": "nonsense" }), "https"),
            (
                json!({ "prompt": "a", "webhook_url": "https://a.b/", "sync": true }),
                "not with sync",
            ),
            (json!(["prompt"]), "not a JSON object"),
        ] {
            let details = read(Route::Generate, &body).unwrap_err();
            assert!(details.contains(part), "{body}: {details}");
        }
    }

    #[test]
    fn a_canvas_has_the_ratio() {
        let check = |ratio: &str, size| {
            let asked = read(Route::Generate, &json!({ "prompt": "a", "aspect_ratio": ratio }));
            let canvas = asked.unwrap().canvas.unwrap();
            assert_eq!((canvas.width, canvas.height), size, "{ratio}");
        };
        check("1:1", (512, 512));
        check("3:2", (512, 341));
        check("9:16", (288, 512));
        check("5:1", (512, 102));
    }
}
