//! Countries of residence.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Every code of ISO 3166-1 alpha-2. Which of them Stripe pays to is Stripe's decision.
const CODES: &str = "\
    ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo \
    bq br bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj \
    dk dm do dz ec ee eg eh er es et fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp \
    gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg \
    kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml \
    mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe \
    pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl \
    sm sn so sr ss st sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug um \
    us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

/// A country, by its ISO 3166-1 code of two letters in lower case, as Stripe spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Country(&'static str);

/// Text that is no country's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an ISO 3166-1 code of a country, such as us")]
pub struct UnknownCountry;

impl Country {
    /// The United States.
    pub const US: Country = Country("us");

    /// Every country, by code.
    pub fn all() -> impl Iterator<Item = Country> {
        CODES.split(' ').map(Country)
    }

    /// Reads a code in either case.
    ///
    /// # Errors
    /// When no country has the code.
    pub fn parse(text: &str) -> Result<Country, UnknownCountry> {
        Country::all().find(|it| it.0.eq_ignore_ascii_case(text)).ok_or(UnknownCountry)
    }

    /// The code in lower case.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Country, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Country::parse(&text).map_err(D::Error::custom)
    }
}

crate::scalar_schema!(Country {
    "type": "string",
    "description": "A country's code of ISO 3166-1, in lower case.",
    "enum": Country::all().collect::<Vec<_>>(),
    "examples": ["us"],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_its_code() {
        for (text, expected) in [
            ("us", Some("us")),
            ("DE", Some("de")),
            ("zw", Some("zw")),
            ("zz", None),
            ("uk", None),
            ("usa", None),
            ("d", None),
            ("", None),
        ] {
            assert_eq!(Country::parse(text).ok().map(Country::as_str), expected, "{text:?}");
        }
        assert_eq!(Country::all().count(), 249);
    }
}
