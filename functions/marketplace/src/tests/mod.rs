//! The marketplace, tested with complete requests, from API Gateway's event to the response, over a
//! real table engine and buckets in memory.

mod buying;
mod drafts;
mod finding;
mod index_loads;
mod listing_steps;
mod live_demo;
mod outages;
mod popular;
mod selling;
mod uploads;

use testing::TestApp;

const LISTINGS: &str = "/api/v1/marketplace/listings";
const CREATOR_LISTINGS: &str = "/api/v1/marketplace/creator/listings";

/// An empty app with the functions of this crate.
fn app() -> TestApp {
    TestApp::serving(&[crate::functions])
}
