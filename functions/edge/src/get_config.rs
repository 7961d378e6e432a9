//! `GET /api/v1/config`: what a client must know before anyone signs in.
//!
//! The issuer to sign in at, what is for sale, the values that requests may contain, their limits,
//! and the named rigs. Nothing in it depends on the caller, so a client is built once for all
//! deployments.
//!
//! Access: anybody.
//! Changes: nothing.

use std::ops::RangeInclusive;

use clients::SignIn;
use domain::{
    camera::{ANGLE_DEGREES, APERTURE, AspectRatio, FOCAL_LENGTH_MM, HEIGHT_M},
    country::Country,
    generation::{NEGATIVE_PROMPT_CHARS_MAX, PROMPT_CHARS_MAX, SEED_MAX},
    lighting::{
        AZIMUTH_DEGREES, BACKDROP_DISTANCE_M, COLOUR_KELVIN, DISTANCE_M, ELEVATION_DEGREES,
        FALLOFF_STOPS, INTENSITY_STOPS, LIGHTS, LightRole, LightingRig, SIZE_M,
    },
    marketplace::{Category, Kind, listing::upload::Purpose, moderation::flag::FlagReason},
    money::Money,
    offer::{PackOffer, PlanOffer},
};
use runtime::{Access, ApiError, Cacheable, Call, Connect, Endpoint, Function};
use serde::{Deserialize, Serialize};

pub const ENDPOINT: Endpoint = Endpoint::get("edge-get-config", "/api/v1/config", Access::Public);

/// How long a client may keep it, in seconds.
const MAX_AGE_S: u32 = 300;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// Where and how to sign in.
    sign_in: SignIn,
    /// The plans.
    plans: Vec<PlanOffer>,
    /// The packs of credits.
    packs: Vec<PackOffer>,
    /// What listings sell.
    listing_types: Vec<ListingType>,
    /// The subjects of listings.
    categories: &'static [Category],
    /// The shapes of images.
    aspect_ratios: &'static [AspectRatio],
    /// The purposes of lights.
    light_roles: &'static [LightRole],
    /// Why a listing may be reported.
    flag_reasons: &'static [FlagReason],
    /// Where creators may live.
    countries: Vec<Country>,
    /// Rigs to begin with.
    rigs: Vec<NamedRig>,
    /// The limits of requests.
    limits: Limits,
}

/// A kind of listing, what it may cost, and which files it takes; any may be free.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ListingType {
    #[serde(rename = "type")]
    kind: Kind,
    price_min: Money,
    price_max: Money,
    /// The pictures that everybody sees.
    previews: UploadLimits,
    /// The files that buyers get.
    assets: UploadLimits,
}

/// The files that a listing takes.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct UploadLimits {
    /// Content types, or the ends of file names, as the `accept` of a file input. Empty if it takes
    /// no files.
    accept: Vec<String>,
    /// Most bytes of a file.
    bytes_max: u64,
    /// Most files of a listing.
    files_max: usize,
}

/// A rig with a name.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct NamedRig {
    name: &'static str,
    lighting: LightingRig,
}

/// The limits of requests. Lengths are in characters.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RequestLimits"))]
struct Limits {
    prompt_length_max: usize,
    negative_prompt_length_max: usize,
    seed_max: u32,
    /// Lights of a rig.
    lights: Range<usize>,
    /// Degrees around the subject.
    azimuth: Range<f64>,
    /// Degrees above the subject.
    elevation: Range<f64>,
    /// Metres from the subject.
    distance: Range<f64>,
    /// Stops at the subject.
    intensity: Range<f64>,
    /// Metres across.
    size: Range<f64>,
    /// Kelvin.
    colour: Range<u32>,
    /// Metres from the subject to the backdrop.
    backdrop_distance: Range<f64>,
    /// Stops from behind the subject to the edge of the frame.
    backdrop_falloff: Range<f64>,
    /// Millimetres.
    focal_length: Range<f64>,
    /// F-numbers.
    aperture: Range<f64>,
    /// Metres from the floor to the camera.
    camera_height: Range<f64>,
    /// Degrees from the horizontal.
    camera_angle: Range<f64>,
}

/// The least and the largest value.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
struct Range<T> {
    min: T,
    max: T,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    sign_in: SignIn,
}

async fn handle(
    Deps { sign_in }: &Deps,
    _call: Call<Request>,
) -> Result<Cacheable<Response>, ApiError> {
    let body = Response {
        sign_in: sign_in.clone(),
        plans: PlanOffer::all(),
        packs: PackOffer::all(),
        listing_types: Kind::ALL.map(ListingType::of).into(),
        categories: Category::ALL,
        aspect_ratios: AspectRatio::ALL,
        light_roles: LightRole::ALL,
        flag_reasons: FlagReason::ALL,
        countries: Country::all().collect(),
        rigs: LightingRig::NAMED
            .iter()
            .map(|(name, build)| NamedRig { name, lighting: build() })
            .collect(),
        limits: Limits::current(),
    };
    Ok(Cacheable { body, max_age_s: MAX_AGE_S })
}

impl ListingType {
    fn of(kind: Kind) -> ListingType {
        let terms = kind.terms();
        let [price_min, price_max] =
            [terms.price_min, terms.price_max].map(|cents| Money::usd_cents(cents.into()));
        let [previews, assets] =
            [Purpose::Preview, Purpose::Asset].map(|purpose| UploadLimits::of(purpose, kind));
        ListingType { kind, price_min, price_max, previews, assets }
    }
}

impl UploadLimits {
    fn of(purpose: Purpose, kind: Kind) -> UploadLimits {
        UploadLimits {
            accept: purpose.accept(kind),
            bytes_max: purpose.bytes_max(),
            files_max: purpose.files_max(),
        }
    }
}

impl<T> From<RangeInclusive<T>> for Range<T> {
    fn from(range: RangeInclusive<T>) -> Range<T> {
        let (min, max) = range.into_inner();
        Range { min, max }
    }
}

impl Limits {
    fn current() -> Limits {
        Limits {
            prompt_length_max: PROMPT_CHARS_MAX,
            negative_prompt_length_max: NEGATIVE_PROMPT_CHARS_MAX,
            seed_max: SEED_MAX,
            lights: LIGHTS.into(),
            azimuth: AZIMUTH_DEGREES.into(),
            elevation: ELEVATION_DEGREES.into(),
            distance: DISTANCE_M.into(),
            intensity: INTENSITY_STOPS.into(),
            size: SIZE_M.into(),
            colour: COLOUR_KELVIN.into(),
            backdrop_distance: BACKDROP_DISTANCE_M.into(),
            backdrop_falloff: FALLOFF_STOPS.into(),
            focal_length: FOCAL_LENGTH_MM.into(),
            aperture: APERTURE.into(),
            camera_height: HEIGHT_M.into(),
            camera_angle: ANGLE_DEGREES.into(),
        }
    }
}
