//! The account's state, and the two ways to change an object: with an event, or silently.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};

use super::{
    Settings, Setup,
    accounts::{Bank, Link},
    balance_settings, catalogue,
    clock::Clock,
    events::{Form, StripeEvent},
    ids::Ids,
    json::{difference, text},
    object_store::ObjectStore,
};

/// Most events stored; the oldest are dropped.
pub(super) const EVENTS_MAX: usize = 20_000;

/// The request in progress; events reference it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cause {
    /// `req_..`; `None` for automatic changes.
    pub(super) request: Option<String>,
    pub(super) idempotency_key: Option<String>,
}

/// The account.
#[derive(Debug)]
pub(super) struct AccountState {
    /// Base URL of the sandbox, without a trailing slash.
    pub(super) url: String,
    pub(super) clock: Clock,
    /// The time of the current step: behind the clock while due events are processed.
    pub(super) now: i64,
    pub(super) ids: Ids,
    /// The objects of the current account: the platform's or, inside [`AccountState::within`], a
    /// connected account's.
    pub(super) objects: ObjectStore,
    /// The current connected account, if any.
    pub(super) account: Option<String>,
    /// The platform's objects, while a connected account is current.
    aside: Option<ObjectStore>,
    /// The objects of each connected account.
    connected: HashMap<String, ObjectStore>,
    pub(super) settings: Settings,
    pub(super) cause: Cause,
    /// When an object has to be processed again. A stale entry has no effect.
    pub(super) scheduled: BTreeSet<(i64, String)>,
    /// Prices that subscriptions change to at the end of their period.
    pub(super) switches: HashMap<String, String>,
    /// Data for the payment, subscription or setup of an open session, by session.
    pub(super) promises: HashMap<String, Value>,
    /// Pending lines for a subscription's next invoice.
    pub(super) waiting_lines: HashMap<String, Vec<Value>>,
    pub(super) events: VecDeque<StripeEvent>,
    /// Ids of the events not yet processed for delivery.
    pub(super) fresh: Vec<String>,
    /// Ids of the events that are held until deliveries resume.
    pub(super) held: Vec<String>,
    /// Signing secrets of registered endpoints, by endpoint.
    pub(super) secrets: HashMap<String, String>,
    /// Registered endpoints for events of connected accounts instead of the platform's.
    pub(super) connect_endpoints: HashSet<String>,
    /// Charges of debits that the bank has not decided.
    pub(super) undecided: HashSet<String>,
    /// Succeeded charges that are not in the balance yet, oldest first.
    pub(super) unbooked: Vec<String>,
    /// Onboarding links by the last segment of their URL.
    pub(super) links: HashMap<String, Link>,
    /// Bank accounts of connected accounts, by account.
    pub(super) banks: HashMap<String, Bank>,
    /// The bank payout that contains a connected account's balance transaction.
    pub(super) paid_in: HashMap<String, String>,
}

impl AccountState {
    /// A new account.
    pub(super) fn open(setup: &Setup, url: &str) -> AccountState {
        let clock = Clock::new(setup.now);
        let mut state = AccountState {
            url: url.to_owned(),
            clock,
            now: clock.now(),
            ids: Ids::new(setup.seed),
            objects: ObjectStore::default(),
            account: None,
            aside: None,
            connected: HashMap::new(),
            settings: setup.settings.clone(),
            cause: Cause::default(),
            scheduled: BTreeSet::new(),
            switches: HashMap::new(),
            promises: HashMap::new(),
            waiting_lines: HashMap::new(),
            events: VecDeque::new(),
            fresh: Vec::new(),
            held: Vec::new(),
            secrets: HashMap::new(),
            connect_endpoints: HashSet::new(),
            undecided: HashSet::new(),
            unbooked: Vec::new(),
            links: HashMap::new(),
            banks: HashMap::new(),
            paid_in: HashMap::new(),
        };
        catalogue::seed(&mut state, setup.catalogue);
        balance_settings::seed(&mut state, setup.catalogue);
        state
    }

    /// Runs `work` on a connected account's objects; events carry its id. Not reentrant.
    pub(super) fn within<T>(
        &mut self,
        account: &str,
        work: impl FnOnce(&mut AccountState) -> T,
    ) -> T {
        let own = self.connected.remove(account).unwrap_or_default();
        self.aside = Some(std::mem::replace(&mut self.objects, own));
        self.account = Some(account.to_owned());
        let done = work(self);
        self.account = None;
        let platform = self.aside.take().unwrap_or_default();
        let own = std::mem::replace(&mut self.objects, platform);
        self.connected.insert(account.to_owned(), own);
        done
    }

    /// The platform's objects, whichever account is current.
    pub(super) fn platform(&self) -> &ObjectStore {
        self.aside.as_ref().unwrap_or(&self.objects)
    }

    /// The object with this id, in any account.
    pub(super) fn anybodys(&self, id: &str) -> Option<&Value> {
        let theirs = || self.connected.values().find_map(|objects| objects.get(id));
        self.objects.get(id).or_else(theirs)
    }

    /// The connected account that holds an object.
    pub(super) fn holder_of(&self, id: &str) -> Option<String> {
        let mut all = self.connected.iter();
        all.find(|(_, objects)| objects.get(id).is_some()).map(|(account, _)| account.clone())
    }

    /// Number of objects in all accounts.
    pub(super) fn len(&self) -> usize {
        self.objects.len() + self.connected.values().map(ObjectStore::len).sum::<usize>()
    }

    /// Stores a new object and emits its event.
    pub(super) fn add(&mut self, object: Value, event: &str) -> String {
        let id = self.objects.put(object);
        self.tell(event, &id);
        id
    }

    /// Changes an object and emits an event if it differs.
    pub(super) fn change(&mut self, id: &str, event: &str, edit: impl FnOnce(&mut Value)) {
        let previous = self.edit(id, edit);
        if !previous.is_empty() {
            let tells_what_was = event.ends_with(".updated") || event == "charge.refunded";
            self.tell_with(event, id, tells_what_was.then_some(previous));
        }
    }

    /// Changes an object silently. Returns the previous values of the changed fields.
    pub(super) fn edit(&mut self, id: &str, edit: impl FnOnce(&mut Value)) -> Map<String, Value> {
        let Some(object) = self.objects.get_mut(id) else { return Map::new() };
        let before = object.clone();
        edit(object);
        difference(&before, object)
    }

    /// Emits an event with the object's current state.
    pub(super) fn tell(&mut self, event: &str, id: &str) {
        self.tell_with(event, id, None);
    }

    /// The object, or null.
    pub(super) fn object(&self, id: &str) -> Value {
        self.objects.get(id).cloned().unwrap_or_default()
    }

    /// A string field of an object.
    pub(super) fn text(&self, id: &str, pointer: &str) -> String {
        self.objects.get(id).map(|object| text(object, pointer).to_owned()).unwrap_or_default()
    }

    /// Schedules the object to be processed at this time.
    pub(super) fn remind(&mut self, at: i64, id: &str) {
        self.scheduled.insert((at, id.to_owned()));
    }

    fn tell_with(&mut self, kind: &str, id: &str, previous: Option<Map<String, Value>>) {
        let Some(object) = self.objects.get(id) else { return };
        let mut data = json!({ "object": object });
        if let Some(previous) = previous {
            data["previous_attributes"] = Value::Object(previous);
        }
        let account = self.account.clone();
        self.happened(kind, Form::Snapshot { data, account });
    }

    /// Records an event.
    pub(super) fn happened(&mut self, kind: &str, form: Form) {
        let stripe_event = StripeEvent::new(self, kind, form);
        self.fresh.push(stripe_event.id.clone());
        if EVENTS_MAX <= self.events.len() {
            self.events.pop_front();
        }
        self.events.push_back(stripe_event);
    }
}
