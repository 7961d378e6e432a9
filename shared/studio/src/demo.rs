//! The scene of a listing's demo.

use domain::marketplace::listing::demo::{DemoScene, DemoSubject};

use crate::{Palette, Scene, Subject};

/// The same seed in every picture, so that the subject always has the same pose.
const SEED: u64 = 7;

impl From<DemoSubject> for Subject {
    fn from(subject: DemoSubject) -> Subject {
        match subject {
            DemoSubject::Sphere => Subject::Sphere,
            DemoSubject::Bust => Subject::Bust,
            DemoSubject::Product => Subject::Product,
        }
    }
}

impl From<Subject> for DemoSubject {
    fn from(subject: Subject) -> DemoSubject {
        match subject {
            Subject::Sphere => DemoSubject::Sphere,
            Subject::Bust => DemoSubject::Bust,
            Subject::Product => DemoSubject::Product,
        }
    }
}

impl Palette {
    /// The colours of a demo's subject: those that the words of a template name, else usual ones.
    pub fn of_demo(demo: &DemoScene) -> Palette {
        let usual = match demo.subject {
            DemoSubject::Sphere => "a grey sphere",
            DemoSubject::Bust => "a marble bust",
            DemoSubject::Product => "an amber bottle",
        };
        Palette::from_prompt(demo.words.as_deref().unwrap_or(usual))
    }
}

impl Scene {
    /// Sets up a demo.
    pub fn of_demo(demo: &DemoScene) -> Scene {
        let (subject, palette) = (demo.subject.into(), Palette::of_demo(demo));
        Scene::new(&demo.lighting, &demo.camera, subject, palette, SEED)
    }
}
