//! One world with somebody's things in it, and every route of the system over it.

use clients::Secret;
use domain::{Timestamp, generation::Provider};
use runtime::{Endpoint, PromptProvider, WebhookTokens, apigw::Event, dispatch};
use serde_json::json;
use testing::{Actor, Answer, Ask, World};

/// The token that the event of Bria's webhook is signed with.
const BRIA_TOKEN: &str = "sandbox-bria-token";
/// When the events happened, as their signature and their context say.
const EVENTS_AT: Timestamp = Timestamp::from_secs(1_795_000_000);

/// A world in which Kim has a generation and a preset.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) kim: Actor,
    generation: String,
    preset: String,
}

impl Scene {
    pub(crate) async fn new() -> Scene {
        Scene::of(World::new()).await
    }

    /// The same at the time of the files in `events/`.
    pub(crate) async fn at_the_events() -> Scene {
        let world = World::new();
        let ambient =
            runtime::Ambient { clock: runtime::Clock::manual(EVENTS_AT), ..world.ambient };
        Scene::of(World { ambient, ..world }).await
    }

    async fn of(world: World) -> Scene {
        let kim = Actor::member("kim");
        let mut scene =
            Scene { world, kim: kim.clone(), generation: String::new(), preset: String::new() };
        scene.generation = scene.made(&generation::create_generation::ENDPOINT, &kim).await;
        scene.preset = scene.made(&generation::create_preset::ENDPOINT, &kim).await;
        scene
    }

    /// The id of what `endpoint` makes.
    async fn made(&self, endpoint: &Endpoint, actor: &Actor) -> String {
        let ask = self.fill(endpoint, Ask::by(actor).key(endpoint.name));
        let answer = self.answer(endpoint, ask.event(endpoint)).await;
        let id = answer.json()["id"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("{}: {}", endpoint.name, answer.pretty()))
    }

    /// A good request, about Kim's things where it is about any.
    ///
    /// # Panics
    /// When nobody has said here what a good request of the endpoint is.
    pub(crate) fn fill(&self, endpoint: &Endpoint, ask: Ask) -> Ask {
        match endpoint.name {
            "generation-create-generation" => ask.json(json!({"prompt": "a red chair"})),
            "generation-get-generation" | "generation-cancel-generation" => {
                ask.path("id", &self.generation)
            }
            "generation-structure-prompt" => ask.json(json!({"prompt": "a red chair"})),
            "generation-create-preset" => ask.json(json!({"name": "Chair", "prompt": "a chair"})),
            "generation-delete-preset" => ask.path("id", &self.preset),
            "account-update-me" => ask.json(json!({"display_name": "Kim"})),
            "generation-list-generations"
            | "generation-list-presets"
            | "account-get-me"
            | "billing-list-plans"
            | "billing-get-credits"
            | "edge-get-health" => ask,
            "edge-webhook-bria" => ask.query("job", "gen_01JD0000000000000000000000.token.user"),
            other => panic!("say here what a good request of {other} is"),
        }
    }

    /// What `endpoint` answers to `event`.
    pub(crate) async fn answer(&self, endpoint: &Endpoint, event: Event) -> Answer {
        let (ambient, store) = (&self.world.ambient, self.world.store.clone());
        let images = self.world.images();
        macro_rules! routes {
            ($($package:ident::$module:ident => $capabilities:expr,)*) => {
                $(if *endpoint == $package::$module::ENDPOINT {
                    let (handle, capabilities) = ($package::$module::handle, $capabilities);
                    let answer = dispatch(endpoint, &handle, &capabilities, ambient, event);
                    return Answer(Box::pin(answer).await);
                })*
            };
        }
        routes! {
            generation::create_generation => (store, Provider::Studio),
            generation::list_generations => (store, images),
            generation::get_generation => (store, images),
            generation::cancel_generation => store,
            generation::structure_prompt => (store, PromptProvider::Template),
            generation::create_preset => store,
            generation::list_presets => store,
            generation::delete_preset => store,
            account::get_me => store,
            account::update_me => store,
            billing::list_plans => (),
            billing::get_credits => store,
            edge::get_health => (),
            edge::webhook_bria => (store, WebhookTokens(vec![Secret::new(BRIA_TOKEN)])),
        }
        panic!("say here what {} touches", endpoint.name);
    }
}
