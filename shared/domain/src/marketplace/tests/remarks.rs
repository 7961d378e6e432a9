//! Findings about a version for a moderator.

use super::*;
use crate::marketplace::listing::lint::remarks;

/// A version without findings, changed.
fn remarked(change: impl Fn(&mut Revision)) -> Vec<String> {
    let (_, mut revision) = begun(Kind::CameraPreset, 0);
    revision.description.description =
        "One warm key from the left, a whisper of fill, and a dark wall behind.".to_owned();
    change(&mut revision);
    remarks(&revision).into_iter().map(|it| format!("{} {}", it.pointer, it.code)).collect()
}

fn titled(title: &str) -> Vec<String> {
    remarked(|it| it.description.title = title.to_owned())
}

#[test]
fn what_is_as_it_should_be_is_not_remarked() {
    assert_eq!(remarked(|_| {}), Vec::<String>::new());
    for title in ["RGB, 3 to 1", "Свет для портрета", "Säulen @ f/2.8", "Light on light"]
    {
        assert_eq!(titled(title), Vec::<String>::new(), "{title}");
    }
}

#[test]
fn what_is_worth_a_look_is_remarked() {
    assert_eq!(titled("More at www.elsewhere.test"), ["/title leads_away"]);
    assert_eq!(titled("Ask me@elsewhere.test."), ["/title leads_away"]);
    assert_eq!(titled("Re\u{43c}brandt at dusk"), ["/title mixed_alphabets"]);
    assert_eq!(titled("BEST LIGHT EVER"), ["/title capitals"]);
    assert_eq!(titled("Light light LIGHT"), ["/title repeats"]);
    let brief = remarked(|it| it.description.description = "See https://a.test".to_owned());
    assert_eq!(brief, ["/description leads_away", "/description brief"]);
    let by = remarked(|it| it.description.attribution = Some("me@a.test".to_owned()));
    assert_eq!(by, ["/attribution leads_away"]);
    assert_eq!(remarked(|it| it.previews.clear()), ["/previews no_own_picture"]);
    assert_eq!(remarked(|it| it.previews[0].drawn = true), ["/previews no_own_picture"]);
}

#[test]
fn invisible_lights_are_remarked() {
    let rig = |change: fn(&mut LightingRig)| {
        remarked(|it| {
            let mut rig = LightingRig::rembrandt();
            change(&mut rig);
            it.description.content = Content { lighting: Some(rig), ..Content::default() };
        })
    };
    assert_eq!(rig(|_| {}), Vec::<String>::new());
    assert_eq!(rig(|rig| rig.lights[1].intensity = -6.0), ["/content/lighting/lights/1 dark"]);
    let twice = rig(|rig| rig.lights.push(rig.lights[0]));
    assert_eq!(twice, ["/content/lighting/lights/4 twice"]);
}
