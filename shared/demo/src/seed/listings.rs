//! The twelve listings and their reviews.

use serde_json::{Value, json};

/// A listing to create.
pub(super) struct Listed {
    kind: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    category: &'static str,
    tags: &'static [&'static str],
    cents: u32,
    content: fn() -> Value,
    /// The rig for its picture, if its content cannot be rendered.
    pub(super) pictured_with: Option<&'static str>,
}

impl Listed {
    pub(super) fn request(&self) -> Value {
        json!({
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "category": self.category,
            "tags": self.tags,
            "price": { "amount": self.cents, "currency": "usd" },
            "attribution": "Light by Lena Okafor Studio",
            "demo": self.demo(),
            "content": (self.content)(),
        })
    }

    fn demo(&self) -> Value {
        match self.kind {
            "lighting_preset" => json!({ "stops_max": 1.5, "kelvin_max": 1_500, "lens": true }),
            "camera_preset" => json!({ "stops_max": 0.5, "lens": false }),
            _ => json!({ "enabled": false }),
        }
    }
}

fn light(role: &str, place: [f64; 5], colour: u32) -> Value {
    let [azimuth, elevation, distance, intensity, size] = place;
    json!({
        "role": role, "azimuth": azimuth, "elevation": elevation, "distance": distance,
        "intensity": intensity, "size": size, "colour": colour,
    })
}

fn rig(lights: Vec<Value>, backdrop: Value) -> Value {
    json!({ "lighting": { "lights": lights, "backdrop": backdrop } })
}

fn camera(focal_length_mm: f64, aperture: f64, angle_degrees: f64, aspect_ratio: &str) -> Value {
    json!({ "camera": {
        "focal_length_mm": focal_length_mm, "aperture": aperture, "angle_degrees": angle_degrees,
        "aspect_ratio": aspect_ratio,
    } })
}

fn template(short: &str, object: &str, background: &str, slots: Value) -> Value {
    json!({
        "structured_prompt": {
            "short_description": short,
            "objects": [{ "description": object, "location": "centre", "relative_size": "large" }],
            "background_setting": background,
            "lighting": { "conditions": "soft studio light", "direction": "from the upper left" },
            "aesthetics": {
                "composition": "centred, generous negative space",
                "color_scheme": "{{accent}} accents on neutrals",
                "mood_atmosphere": "calm and exact",
            },
            "style_medium": "photograph",
            "context": "an advertisement for {{product}}",
        },
        "slots": slots,
    })
}

fn slots(product: &str) -> Value {
    json!([
        { "name": "product", "label": "What is shown", "default": product },
        { "name": "accent", "label": "The accent colour", "default": "amber" },
    ])
}

pub(super) const LISTINGS: &[Listed] = &[
    Listed {
        kind: "lighting_preset",
        title: "Rembrandt at Dusk",
        description: "One warm key high on the left, a whisper of fill, a cool rim. The triangle on \
                      the far cheek holds from 50 to 135 mm.",
        category: "portrait",
        tags: &["rembrandt", "low-key", "moody", "warm"],
        cents: 900,
        content: || {
            rig(
                vec![
                    light("key", [-52.0, 42.0, 1.5, 0.3, 0.7], 3_900),
                    light("fill", [48.0, 8.0, 2.8, -3.4, 1.6], 5_200),
                    light("rim", [140.0, 24.0, 2.0, 0.2, 0.3], 7_200),
                ],
                json!({ "colour": "charcoal", "distance": 2.4, "falloff": 2.0 }),
            )
        },
        pictured_with: None,
    },
    Listed {
        kind: "lighting_preset",
        title: "Clamshell Beauty",
        description: "Two large soft sources above and below the lens axis: open skin, round \
                      catchlights, no drama.",
        category: "fashion",
        tags: &["beauty", "clamshell", "soft", "high-key"],
        cents: 1_200,
        content: || {
            rig(
                vec![
                    light("key", [0.0, 45.0, 1.3, 0.4, 1.4], 5_600),
                    light("fill", [0.0, -30.0, 1.4, -0.8, 1.2], 5_600),
                    light("hair", [180.0, 60.0, 1.8, -0.6, 0.5], 5_600),
                ],
                json!({ "colour": "white", "distance": 1.6, "falloff": 0.4 }),
            )
        },
        pictured_with: None,
    },
    Listed {
        kind: "lighting_preset",
        title: "Edge-lit Bottle",
        description: "Two strip lights behind the glass draw both edges; the label gets its own \
                      small key. Made for spirits and perfume.",
        category: "product",
        tags: &["bottle", "glass", "rim", "dark"],
        cents: 1_400,
        content: || {
            rig(
                vec![
                    light("key", [-20.0, 30.0, 1.8, -1.0, 0.4], 5_400),
                    light("rim", [125.0, 5.0, 1.4, 0.8, 1.2], 5_600),
                    light("rim", [-125.0, 5.0, 1.4, 0.8, 1.2], 5_600),
                    light("background", [180.0, 5.0, 1.2, -1.8, 0.6], 6_000),
                ],
                json!({ "colour": "#37404a", "distance": 2.0, "falloff": 1.6 }),
            )
        },
        pictured_with: None,
    },
    Listed {
        kind: "lighting_preset",
        title: "Window Kitchen",
        description: "A big north window from the side and a white card opposite. Bread, fruit, \
                      linen.",
        category: "food",
        tags: &["window", "natural", "side-light"],
        cents: 600,
        content: || {
            rig(
                vec![
                    light("key", [-88.0, 20.0, 1.9, 0.1, 2.2], 6_200),
                    light("fill", [80.0, 5.0, 2.2, -2.2, 1.6], 5_800),
                ],
                json!({ "colour": "#d8c9b0", "distance": 1.8, "falloff": 1.0 }),
            )
        },
        pictured_with: None,
    },
    Listed {
        kind: "lighting_preset",
        title: "Three-Point, the Honest Way",
        description: "The starting point for everything else, metered and free.",
        category: "other",
        tags: &["three-point", "starter", "free"],
        cents: 0,
        content: || {
            rig(
                vec![
                    light("key", [-45.0, 35.0, 1.6, 0.0, 0.9], 5_600),
                    light("fill", [40.0, 15.0, 2.4, -2.0, 1.4], 5_600),
                    light("rim", [130.0, 15.0, 2.0, 0.5, 0.4], 5_600),
                ],
                json!({ "colour": "grey", "distance": 2.0, "falloff": 1.0 }),
            )
        },
        pictured_with: None,
    },
    Listed {
        kind: "camera_preset",
        title: "Eighty-Five Wide Open",
        description: "The portrait lens where it is happiest: eyes sharp, ears gone.",
        category: "portrait",
        tags: &["85mm", "bokeh", "shallow"],
        cents: 300,
        content: || camera(85.0, 1.4, 4.0, "4:5"),
        pictured_with: None,
    },
    Listed {
        kind: "camera_preset",
        title: "Hero Low Angle",
        description: "From below the belt line with a 35: everything becomes a monument.",
        category: "automotive",
        tags: &["35mm", "low-angle", "hero"],
        cents: 400,
        content: || camera(35.0, 5.6, -18.0, "16:9"),
        pictured_with: None,
    },
    Listed {
        kind: "camera_preset",
        title: "Table-Top Macro",
        description: "Long, close and a little from above, for watches, rings and pralines.",
        category: "product",
        tags: &["macro", "table-top", "100mm"],
        cents: 250,
        content: || camera(100.0, 8.0, 28.0, "1:1"),
        pictured_with: None,
    },
    Listed {
        kind: "fibo_template",
        title: "Perfume on Slate",
        description: "A whole advertisement with two slots: what stands on the slate, and the \
                      accent colour.",
        category: "product",
        tags: &["perfume", "slate", "advertisement"],
        cents: 1_900,
        content: || {
            template(
                "A {{product}} on wet slate, a single soft key, {{accent}} accents.",
                "a {{product}} with a faceted cap and drops of water on the glass",
                "wet slate in front of a dark wall",
                slots("perfume bottle"),
            )
        },
        pictured_with: Some("rembrandt"),
    },
    Listed {
        kind: "fibo_template",
        title: "Editorial Headshot",
        description: "The head-and-shoulders of a business magazine, with the person and the accent \
                      colour left open.",
        category: "portrait",
        tags: &["headshot", "editorial", "business"],
        cents: 2_400,
        content: || {
            template(
                "A portrait of {{product}}, looking into the lens, {{accent}} accents.",
                "{{product}}, shoulders turned a little, calm expression",
                "a seamless backdrop with a soft gradient",
                slots("a woman in her forties"),
            )
        },
        pictured_with: Some("three_point"),
    },
    Listed {
        kind: "fibo_template",
        title: "Concrete Pavilion",
        description: "Raw concrete, one figure for scale, a band of sky. The building is yours to \
                      name.",
        category: "architecture",
        tags: &["concrete", "pavilion", "minimal"],
        cents: 0,
        content: || {
            template(
                "A {{product}} of raw concrete under a wide sky, {{accent}} accents.",
                "a {{product}} with a long shadow",
                "a gravel plain under a band of sky",
                slots("pavilion"),
            )
        },
        pictured_with: Some("high_key"),
    },
    Listed {
        kind: "model_finetune",
        title: "Silver Gelatin, the Model",
        description: "Trained on four hundred darkroom prints of our own: deep blacks, paper white, \
                      grain that belongs.",
        category: "fashion",
        tags: &["black-and-white", "film", "grain"],
        cents: 14_900,
        content: || json!({ "model_id": "silver-gelatin-v3" }),
        pictured_with: Some("rembrandt"),
    },
];

/// A buyer, and their reviews.
type Buyer = (&'static str, &'static [(&'static str, u8, &'static str)]);

pub(super) const BUYERS: &[Buyer] = &[
    (
        "Jonas",
        &[
            ("Rembrandt at Dusk", 5, "The triangle is where it should be. Saved me an hour."),
            ("Three-Point, the Honest Way", 4, "Plain and right. I start every shoot with it."),
        ],
    ),
    (
        "Mei Tanaka",
        &[
            ("Edge-lit Bottle", 5, "Both edges, no flare. My client asked who lit it."),
            ("Rembrandt at Dusk", 4, "Lovely, a touch warm for my taste; the demo told me so."),
            ("Eighty-Five Wide Open", 5, "Does one thing."),
        ],
    ),
    (
        "Pau",
        &[
            ("Three-Point, the Honest Way", 5, "Free and better than what I paid for elsewhere."),
            ("Concrete Pavilion", 3, "Good skeleton, the sky could be a slot too."),
        ],
    ),
];
